"""Programs of the cast, each with a token of the scope of its person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.services import tokens


@dataclass(frozen=True, slots=True)
class Program:
    """Calls below /api/v1/ with this token; None: with none."""

    secret: str | None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call; headers as `Idempotency_Key="x"`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            sent["Authorization"] = f"Bearer {self.secret}"
        options: dict[str, Any] = {"headers": sent}
        if method != "GET":
            # Without a body there is none, and not Django's empty form.
            data = b"" if body is None else body
            options |= {"data": data, "content_type": "application/json"}
        ask = getattr(Client(raise_request_exception=False), method.lower())
        return ask(f"/api/v1/{path}", **options)

    def get(self, path: str, **headers: str) -> Any:
        """A GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """A POST."""
        return self.call("POST", path, body, **headers)


def program(user: User, scope: str) -> Program:
    """With a new token of this person."""
    return Program(tokens.issue(user, name=scope, scope=scope, by="a test").secret)


@pytest.fixture
def configurer(alice: User) -> Program:
    """May set agents up, commands included."""
    return program(alice, "configure")


@pytest.fixture
def operator(bob: User) -> Program:
    """May start, stop and ask."""
    return program(bob, "operate")


@pytest.fixture
def viewer(vera: User) -> Program:
    """May look."""
    return program(vera, "view")


@pytest.fixture
def stranger(db: None) -> Program:
    """Has no token."""
    return Program(None)

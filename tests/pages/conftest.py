"""Browsers of the cast, and agents to look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Run

MakeAgent = Callable[..., Agent]
Write = Callable[[Run, str, bytes], None]


@pytest.fixture
def as_alice(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def as_vera(vera: User) -> Client:
    return signed_in(vera)


@pytest.fixture
def make_agent(db: None) -> MakeAgent:
    """An agent with any columns, also those that only the supervisor writes."""

    def make(name: str = "web", **columns: Any) -> Agent:
        return Agent.objects.create(name=name, **{"command": ["sleep", "9"], **columns})

    return make


@pytest.fixture
def write() -> Write:
    """Output of a run, as its program would write it."""

    def append(run: Run, stream: str, data: bytes) -> None:
        folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / stream).open("ab") as file:
            file.write(data)

    return append


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client

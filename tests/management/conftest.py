"""`manage.py agents …` in this process, against rows written by the services."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from agents.models import Agent
from agents.services import setups
from agents.supervisor.lock import NodeLock


@dataclass(frozen=True)
class Answer:
    """What a command printed, and the code it left with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Answer]
Make = Callable[..., Agent]


def run_agents(*arguments: str) -> Answer:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("agents", *arguments, stdout=out, stderr=err)
    except SystemExit as left:
        code = int(left.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def agents() -> Run:
    """`agents("list", "--json")` runs the command."""
    return run_agents


@pytest.fixture
def make() -> Make:
    """`make("worker", command=[…])` stores a set-up."""

    def make_agent(name: str, **setup: Any) -> Agent:
        agent = Agent(name=name, **({"command": ["sleep", "60"]} | setup))
        setups.save(agent)
        return agent

    return make_agent


@pytest.fixture
def supervised() -> Iterator[NodeLock]:
    """The node is locked as by a supervisor; the test itself says what happens."""
    lock = NodeLock("local")
    lock.take()
    yield lock
    lock.release()

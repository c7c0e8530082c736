"""Agents, and people signed in to the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.models import Agent, Node, Run
from tests.harness.people import make_person

MakeAgent = Callable[..., Agent]
SignIn = Callable[[User], Client]


@pytest.fixture
def make_agent(db: None) -> MakeAgent:
    """An agent as the supervisor would have left it."""

    def make(name: str = "worker", **values: Any) -> Agent:
        return Agent.objects.create(
            name=name, **{"command": ["sleep", "60"], "labels": {}, **values}
        )

    return make


@pytest.fixture
def make_running(make_agent: MakeAgent) -> MakeAgent:
    """An agent with a live run, started by a settled request."""

    def make(name: str = "worker", pid: int = 4242, **values: Any) -> Agent:
        seen = {"status": "running", "pid": pid, "run_revision": 1}
        asked = {"desired_state": "running", "wanted_action": "start"}
        settled = {"generation": 1, "observed_generation": 1}
        agent = make_agent(name, **{**seen, **asked, **settled, **values})
        agent.run = make_run(agent, pid=pid)
        Agent.objects.filter(pk=agent.pk).update(run=agent.run)
        return agent

    return make


def make_run(agent: Agent, number: int = 1, **values: Any) -> Run:
    now = timezone.now()
    return Run.objects.create(
        **{
            "agent": agent,
            "agent_name": agent.name,
            "number": number,
            "generation": 1,
            "revision": 1,
            "boot": "boot",
            "start_ticks": 1,
            "created_at": now,
            "started_at": now,
            **values,
        }
    )


@pytest.fixture
def supervised(db: None) -> Node:
    """A supervisor that was heard of just now."""
    now = timezone.now()
    return Node.objects.create(
        name="local", pid=1, epoch=1, last_seen=now, lease=now + timedelta(hours=1)
    )


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """A browser in which this person is signed in."""

    def signed_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return signed_in


@pytest.fixture
def root(db: None) -> User:
    """May do everything."""
    return User.objects.create_superuser("root", password="x")


@pytest.fixture
def carol(db: None) -> User:
    """May configure agents, and neither set commands nor operate."""
    return make_person("carol", "view_agent", "configure_agent")


@pytest.fixture
def archivist(db: None) -> User:
    """May look at agents and at all that is recorded."""
    names = (
        "agent",
        "request",
        "run",
        "statuschange",
        "node",
        "lockclaim",
        "filelock",
        "barrier",
        "brake",
        "batch",
        "batchitem",
    )
    return make_person("archivist", *(f"view_{name}" for name in names))

"""What ends the manager's nap, on the tests' own database."""

from __future__ import annotations

import asyncio
import time
from unittest import IsolatedAsyncioTestCase

import pytest
from django.db import connection

from agents.policy.states import Action, Status
from agents.services import commits
from agents.supervisor import alarm
from agents.supervisor.alarm import Alarm
from tests.harness.processes import run_python
from tests.harness.supervisor import Cast, Supervisor


class Naps(IsolatedAsyncioTestCase):
    async def test_a_ring_before_the_nap_ends_it_at_once(self) -> None:
        alarm_ = Alarm(lambda: None)
        alarm_.ring()
        begun = time.monotonic()
        await alarm_.nap(60)
        assert time.monotonic() - begun < 5

    async def test_without_a_watch_it_looks_often(self) -> None:
        begun = time.monotonic()
        await Alarm(lambda: None).nap(60)
        assert time.monotonic() - begun < alarm.LOOK_ANYWAY

    async def test_a_nap_is_never_longer_than_asked(self) -> None:
        await asyncio.wait_for(Alarm(lambda: None).nap(0), 5)


def test_a_request_of_another_process_is_heard_not_looked_for(
    cast: Cast, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it looked once an hour, and nobody rings across processes."""
    monkeypatch.setattr(alarm, "LOOK_ANYWAY", 3600.0)
    monkeypatch.setattr(alarm, "LOOK_EVERY", 3600.0)
    monkeypatch.setattr(alarm, "ONCE_MORE", 3600.0)
    agent, database = cast("wait"), str(connection.settings_dict["NAME"])
    supervisor.on_loop(supervisor.manager.wake)
    done = run_python(
        f"lifecycle.ask(Action.START, [{agent.row.pk}], Asker('x', 'test'))\n",
        "from agents.services import lifecycle\n"
        "from agents.services.lifecycle import Asker\n"
        "from agents.policy.states import Action\n"
        "from django.conf import settings\n"
        "from django.db import connection\n"
        f"connection.settings_dict['NAME'] = {database!r}\n",
    )
    assert done.returncode == 0, done.stderr
    agent.wait_for(Status.STARTING, Status.RUNNING)


def test_where_commits_are_not_heard_they_are_looked_for(
    cast: Cast, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor.close()
    monkeypatch.setattr(commits, "watch", lambda: None)
    supervisor.start()
    agent = cast("wait")
    agent.ask(Action.START)
    agent.wait_for(Status.RUNNING)

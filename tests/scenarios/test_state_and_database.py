"""Scenario 24: what is stored is damaged, contested or out of reach for a while."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.db import connection
from django.test import Client

from agents.models import Agent, Request, StatusChange
from agents.policy.states import Action, Status
from agents.services import nodes, overview, presence
from agents.supervisor import store
from tests.harness.hardship import is_locked, little_patience, locked_database
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("agents", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "agents:\n  - name: wait\n    command: [sleep, 1\n",
        "agents:\n  - name: wait\n    command: [sleep]\n    stop_grace: soon\n",
        "agents:\n  - name: wait\n    command: [sleep]\n  - name: new\n",
        "\0\0\0\0",
        "agents: [{name: wait, comm",
    ],
    ids=["half-a-list", "no-number", "one-of-two-is-wrong", "zeros", "truncated"],
)
def test_24_a_broken_file_of_set_ups_changes_nothing(
    supervisor: Supervisor, cast: Cast, tmp_path: Path, text: str
) -> None:
    agent = cast("wait").start()
    before = agent.look()
    path = tmp_path / "agents.yaml"
    path.write_text(text)
    with pytest.raises(SystemExit) as left:
        command("import", str(path))
    assert left.value.code == 1
    after = agent.look()
    assert (after.command, after.stop_grace) == (before.command, before.stop_grace)
    assert (after.revision, after.pid, after.status) == (1, before.pid, "running")
    assert Agent.objects.count() == 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"0", b"abc\n", b"000\nmore", b"-01\n", b"\0\0\0\0", None],
    ids=["empty", "truncated", "words", "too-long", "negative", "zeros", "removed"],
)
def test_24_a_damaged_exit_file_is_an_unknown_exit_and_no_guess(
    supervisor: Supervisor, cast: Cast, damage: bytes | None
) -> None:
    agent = cast("wait", auto_restart="never").start_ready()
    leader = agent.look().pid or 0
    supervisor.close()
    os.kill(agent.noted()[0], signal.SIGTERM)
    os.waitpid(leader, 0)
    path = agent.folder() / "exit"
    assert path.read_text() == "143\n"
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    supervisor.start()
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason.startswith("ended unseen, exit code unknown")
    assert agent.runs()[0].exit_code is None
    assert agent.alive() == []


def test_24_a_damaged_lock_file_says_nothing_and_hinders_nobody(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait").start()
    supervisor.close()
    presence.lock_path("local").write_bytes(b'{"degraded": {"sin\0')
    assert presence.hardship("local") is None
    supervisor.start()
    assert presence.facts("local")["pid"] == os.getpid()
    assert agent.look().status == Status.RUNNING


@pytest.fixture(params=[3.0, pytest.param(30.0, marks=pytest.mark.full)])
def outage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds of it, longer than the node's lease; all is shorter in the short form."""
    seconds: float = request.param
    if seconds < nodes.LEASE.total_seconds():
        monkeypatch.setattr(nodes, "LEASE", timedelta(seconds=2))
        monkeypatch.setattr(nodes, "RENEW_EVERY", 0.3)
        monkeypatch.setattr(store, "PATIENCE", 0.5)
    return seconds


def test_24_a_locked_database_loses_nothing_and_the_hub_says_that_it_waits(
    outage: float, supervisor: Supervisor, cast: Cast, vera: User
) -> None:
    """A writer elsewhere holds it; agents run, end, and write meanwhile."""
    dying = cast("wait", name="dying", auto_restart="never").start_ready()
    steady, asked = cast("echo", name="steady").start(), cast("wait", name="asked")
    pid = steady.look().pid
    browser = Client()
    browser.force_login(vera)
    with locked_database(outage):
        os.kill(dying.noted()[0], signal.SIGTERM)
        told = until(lambda: presence.hardship("local"), what="the hub to say so")
        lines = len(steady.output().splitlines())
        assert told.reason.startswith("no answer for")
        page = browser.get("/").content.decode()
        assert "The hub is degraded" in page
        assert "No supervisor is running" not in page
        summary = json.loads(command("summary", "--json"))
        assert summary["degraded"] == {"since": told.since, "reason": told.reason}
        assert summary["supervisor_running"] is True
        supervision = overview.supervision()
        assert supervision.present and supervision.hardship is not None
        memory = supervisor.on_loop(supervisor.manager.get_summary)
        assert memory["degraded"]["since"] == told.since
        # Nobody is called silent for it, though no lease can be renewed.
        while is_locked():
            assert nodes.mark_silent() == 0
            assert nodes.is_supervised()
        assert len(steady.output().splitlines()) > lines
    request = asked.ask(Action.START)
    assert asked.settled(request).outcome == "done"
    row = dying.wait_for(Status.CRASHED)
    assert "ended by signal TERM" in row.status_reason
    assert dying.runs()[0].exit_code == 143
    until(lambda: presence.hardship("local") is None, what="the hub to recover")
    assert json.loads(command("summary", "--json"))["degraded"] is None
    assert "degraded" not in browser.get("/").content.decode()
    assert steady.look().pid == pid
    assert len(steady.noted()) == len(dying.noted()) == len(asked.noted()) == 1
    assert not StatusChange.objects.filter(to_status=Status.UNKNOWN).exists()
    lines_ = steady.output().splitlines()
    assert lines_ == [f"line {n}" for n in range(1, len(lines_) + 1)]


def test_24_what_is_asked_of_a_locked_database_is_recorded_after_it(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait", name="asked")
    with locked_database(2.0):
        began = time.monotonic()
        request = agent.ask(Action.START)
        # It waited for the lock as well; by now the hub may have it.
        assert time.monotonic() - began > 1.0
    assert agent.settled(request).outcome == "done"
    assert len(agent.noted()) == 1


def test_24_a_database_that_fails_is_waited_for_and_recovers(
    supervisor: Supervisor, cast: Cast
) -> None:
    """A table is gone for a while: any error of the database is waited out."""
    agent = cast("wait")
    cursor = connection.cursor()
    cursor.execute("ALTER TABLE agents_run RENAME TO away")
    try:
        asked = agent.ask(Action.START)
        told = until(lambda: presence.hardship("local"), what="the hub to say so")
        assert "no such table" in told.reason
        assert agent.noted() == [], "spawned before it was recorded"
    finally:
        cursor.execute("ALTER TABLE away RENAME TO agents_run")
    assert agent.settled(asked).outcome == "done"
    assert len(agent.noted()) == 1
    until(lambda: presence.hardship("local") is None, what="the hub to recover")


def test_24_who_asks_while_the_database_is_locked_is_told(
    supervisor: Supervisor, cast: Cast, bob: User
) -> None:
    agent = cast("wait")
    browser = Client()
    browser.force_login(bob)
    address = f"/agents/{agent.row.name}/start"
    with locked_database(3.0), little_patience():
        page = browser.post(address, headers={"HX-Request": "true"})
        form = {"action": "start", "_selected_action": [str(agent.row.pk)]}
        admin = browser.post("/admin/agents/agent/", {**form, "index": "0"})
        with pytest.raises(SystemExit) as left:
            call_command("agents", "start", agent.row.name, stderr=(err := StringIO()))
        assert is_locked()
    assert admin.status_code == 302
    (message,) = get_messages(admin.wsgi_request)
    assert "The database does not answer" in str(message)
    words = page.content.decode()
    assert "The database does not answer (database is locked)" in words
    assert "Nothing was asked" in words
    assert left.value.code == 1
    assert err.getvalue().startswith("The database does not answer: database is locked")
    assert not Request.objects.exists()
    assert agent.look().generation == 0

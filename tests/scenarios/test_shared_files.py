"""What people complain of where agents share a directory, and what happens here.

Locks that outlive who held them, locks that are gone before their time, waiters whom
nobody wakes, and files that one task wipes under another. Files that are trampled are
in `test_one_workspace`, what one stages and another commits is in
`tests/supervisor/test_manager_touched`.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Agent, LockClaim
from agents.policy.lock_queue import Mode
from agents.policy.states import Status
from agents.services import lock_calls, locks, registry, tokens
from agents.services.lock_calls import PATIENCE, Asking
from agents.services.locks import NotHeld
from agents.services.task_shapes import task_shape
from tests.harness.native import native
from tests.harness.outside import registered
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

FIVE_MINUTES = 300.0
# It goes on writing; MARKER is what the harness counts processes by.
WRITER = 'echo leader $$ >> "$MARKER"; while :; do echo x >> {0}; sleep 0.02; done'
Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """So many seconds pass, by every clock that this process can read."""
    passed = 0.0
    now, wall, clock = timezone.now, time.time, time.clock_gettime
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(seconds=passed))
    monkeypatch.setattr(time, "time", lambda: wall() + passed)
    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + passed)

    def pass_by(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return pass_by


def asks(agent: Agent, folder: Path, *, wait: bool = False) -> LockClaim:
    """A call asks for the agent, and is answered if it need not wait."""
    asking = Asking(str(folder), ["a"], Mode.EXCLUSIVE, agent, "alice", "api")
    place = lock_calls.ask(asking, wait=wait)
    assert place.claim is not None
    return LockClaim.objects.get(pk=place.claim)


def state(claim: LockClaim) -> str:
    claim.refresh_from_db()
    return claim.state


def writer(cast: Cast, folder: Path) -> Actor:
    """A program that writes `a`, without a word to anybody."""
    line = WRITER.format(folder / "a")
    return cast.command(["/bin/sh", "-c", line], name="writer", auto_restart="never")


def wait_for_a_write(folder: Path) -> None:
    """Somebody writes the file still."""
    before = (folder / "a").stat().st_size
    until(lambda: (folder / "a").stat().st_size > before, what="a write")


def test_a_hub_that_was_away_for_five_minutes_finds_the_locks_of_who_went_on_writing(
    supervisor: Supervisor, cast: Cast, tmp_path: Path, bob: User, later: Later
) -> None:
    agent = writer(cast, tmp_path).start()
    claim = asks(agent.look(), tmp_path)
    far = registered("far", bob)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    leased = asks(far.agent, elsewhere)
    assert (state(claim), state(leased)) == ("held", "held")
    supervisor.close()
    later(FIVE_MINUTES)
    wait_for_a_write(tmp_path)
    supervisor.start()
    [run] = agent.runs()
    assert run.adopted and agent.look().status == Status.RUNNING
    assert state(claim) == "held"
    assert claim.fence is not None
    locks.check(claim.fence, str(tmp_path))
    wait_for_a_write(tmp_path)
    # Of whom nobody can tell whether it lives, the lock is gone: time did pass.
    until(lambda: state(leased) == "ended", what="the lease to end")
    waits = asks(cast("wait").start_ready().look(), tmp_path, wait=True)
    assert state(waits) == "waiting"
    agent.stop()
    until(lambda: state(waits) == "held", what="the one who waits to have it")
    assert agent.alive() == []
    registry.deregister(far.agent.pk, tokens.of_user(bob))


def test_no_lock_is_gone_before_its_time_though_its_holder_says_nothing_for_hours(
    supervisor: Supervisor, cast: Cast, tmp_path: Path, later: Later
) -> None:
    agent = cast("wait").start_ready()
    claim = asks(agent.look(), tmp_path)
    [lock] = lock_calls.locks_of(claim.pk)
    for _ in range(3):
        later(3600)
        locks.end_leases()
        assert agent.look().status == Status.RUNNING
        assert lock_calls.renew(lock.pk).claim.state == "held"
    agent.stop()
    # And one that is gone is an error for who relies on it.
    with pytest.raises(NotHeld, match="its run has ended"):
        lock_calls.renew(lock.pk)


def test_no_lock_is_stale_after_a_crash_and_who_waits_is_woken(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    agent = writer(cast, tmp_path).start()
    claim = asks(agent.look(), tmp_path)
    other = cast("wait").start_ready()
    waits = asks(other.look(), tmp_path, wait=True)
    assert (state(claim), state(waits)) == ("held", "waiting")
    os.kill(agent.look().pid or 0, signal.SIGKILL)
    until(lambda: state(waits) == "held", timeout=5, what="the waiter to be woken")
    assert (state(claim), claim.reason) == ("ended", "its run has ended")


def test_no_lock_is_stale_though_holder_and_hub_have_died_together(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    agent = writer(cast, tmp_path).start()
    claim = asks(agent.look(), tmp_path)
    leader = agent.look().pid or 0
    supervisor.close()
    os.killpg(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    # Nobody knows yet, so nobody else may write.
    assert state(claim) == "held"
    supervisor.start()
    until(lambda: state(claim) == "ended", what="the lock to be given back")
    other = cast("wait").start_ready()
    assert state(asks(other.look(), tmp_path)) == "held"


def test_no_lock_goes_while_a_child_of_its_dead_holder_may_write(
    supervisor: Supervisor, cast: Cast, tmp_path: Path
) -> None:
    code = (
        'echo leader $$ >> "$MARKER"; setsid sh -c \'trap "" TERM; '
        'echo child $$ >> "$MARKER"; while :; do echo x >> a; sleep 0.05; done\' & '
        "until test -e go; do sleep 0.01; done; exit 5"
    )
    agent = cast.command(
        ["/bin/sh", "-c", code],
        name="parent",
        cwd=str(tmp_path),
        auto_restart="never",
        stop_grace=1.0,
    ).start()
    until(lambda: agent.noted("child"), what="the child")
    claim = asks(agent.look(), tmp_path)
    other = cast("wait").start_ready()
    waits = asks(other.look(), tmp_path, wait=True)
    (tmp_path / "go").touch()
    until(lambda: agent.runs()[0].exit_code == 5, what="the end of the leader")
    assert (state(claim), len(agent.alive())) == ("held", 1)
    while agent.alive():
        # It goes between the two looks, but never before the child.
        assert state(claim) == "held" or not agent.alive()
        time.sleep(0.01)
    until(lambda: state(waits) == "held", what="the waiter to be woken")


def test_a_place_in_the_queue_whose_call_died_with_its_hub_is_in_nobodys_way(
    supervisor: Supervisor, cast: Cast, tmp_path: Path, later: Later
) -> None:
    holder, gone, waiter = (
        cast("wait", name=name).start_ready() for name in ("holder", "gone", "waiter")
    )
    claim = asks(holder.look(), tmp_path)
    dead = asks(gone.look(), tmp_path, wait=True)
    later(PATIENCE + 1)
    behind = asks(waiter.look(), tmp_path, wait=True)
    until(lambda: state(dead) == "ended", what="the place to be given up")
    locks.release([claim.pk], "done")
    assert state(behind) == "held"


def test_uncommitted_files_that_a_task_wipes_are_told(
    supervisor: Supervisor, cast: Cast
) -> None:
    """Nothing can stop a command; but nobody looks for the files for days."""
    web = native(cast, "web", allow_commands=True).start_native()
    begin = "git init -q . && mkdir src && touch src/a src/b notes"
    work = web.do("/call run_command " + json.dumps({"command": begin}), paths=["**"])
    work.wait_for("succeeded")
    wipe = "/call run_command " + json.dumps({"command": "git clean -fdq"})
    told = task_shape(web.do(wipe, paths=["docs/"]).wait_for("succeeded"))
    assert told["touched_outside"]["files"] == ["notes", "src/a", "src/b"]

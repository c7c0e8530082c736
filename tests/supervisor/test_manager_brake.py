"""The fleet brake under a real supervisor: nothing begins, and it outlives a hub."""

from __future__ import annotations

import os
import signal

import pytest

from agents.models import Brake
from agents.policy import brake as rules
from agents.policy.states import Action, Status
from agents.services import brake, brake_pulls
from agents.services.brake_pulls import Pull
from agents.services.lifecycle import Asker
from tests.harness.native import native
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

BOB = Asker("bob", "page", "they delete files")
HELD = "held by the fleet brake"


def pull(**how: bool) -> Brake:
    return brake_pulls.pull(Pull(**how), BOB)[0]


def release(*, go_on: bool = False) -> None:
    brake_pulls.release(BOB, go_on=go_on)


def test_running_work_is_interrupted_within_a_second_and_queued_work_waits(
    supervisor: Supervisor, cast: Cast
) -> None:
    agents = [native(cast, f"thinker-{n}").start_native() for n in range(4)]
    begun = [agent.do("/pause 60\n/say Done.") for agent in agents]
    for work in begun:
        work.wait_for("running")
    waiting = [agent.do("hello") for agent in agents]
    at = pull().pulled_at
    for work in begun:
        work.wait_for("interrupted", timeout=5)
        assert work.row.ended_at is not None
        assert (work.row.ended_at - at).total_seconds() < 1.0
    assert begun[0].row.reason == (
        "interrupted by the fleet brake, pulled by bob: they delete files"
    )
    assert {agent.look().status for agent in agents} == {Status.RUNNING}
    # Their workers are free and have looked for more: an idle one says so.
    for agent in agents:
        agent.wait_until(lambda row: row.activity == "idle")
    assert {work.look().state for work in waiting} == {"queued"}
    release()
    for work in waiting:
        work.wait_for("succeeded")
    assert {work.look().state for work in begun} == {"interrupted"}


def test_work_may_finish_and_only_then_does_nothing_more_begin(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    work = agent.do("/pause 0.5\n/say Done.")
    work.wait_for("running")
    later = agent.do("hello")
    pull(finish=True)
    work.wait_for("succeeded")
    agent.wait_until(lambda row: row.activity == "idle")
    assert later.look().state == "queued"
    release()
    later.wait_for("succeeded")


def test_a_crashed_agent_is_not_restarted_until_the_release(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait").start_ready()
    pull()
    os.kill(agent.noted()[0], signal.SIGKILL)
    row = agent.wait_until(lambda row: HELD in row.status_reason)
    assert (row.status, len(agent.runs())) == (Status.BACKOFF, 1)
    release()
    agent.wait_for(Status.RUNNING)
    assert len(agent.runs()) == 2
    assert agent.look().restart_count == 1


def test_what_a_person_asks_for_while_it_is_pulled_is_done(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    pull()
    agent.start()
    agent.stop()


def test_a_start_that_was_asked_before_and_not_yet_made_waits_for_the_release(
    idle: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    asked = agent.ask(Action.START)
    pull()
    idle.start()
    row = agent.wait_until(lambda row: HELD in row.status_reason)
    assert (row.status, agent.runs()) == (Status.STOPPED, [])
    release()
    assert agent.settled(asked).outcome == "done"


def test_it_survives_the_hub_and_the_release_brings_all_of_it_back(
    supervisor: Supervisor, cast: Cast
) -> None:
    program, thinker = cast("wait").start_ready(), native(cast).start_native()
    work = thinker.do("/pause 60\n/say Done.")
    work.wait_for("running")
    found = pull(stop=True)
    assert [one["name"] for one in found.stopped] == ["thinker", "wait"]
    program.wait_for(Status.STOPPED)
    thinker.wait_for(Status.STOPPED)
    work.wait_for("interrupted")
    supervisor.close()
    supervisor.start()
    held = brake.pulled()
    assert held is not None and held.pulled_by == "bob"
    assert program.look().status == thinker.look().status == Status.STOPPED
    release(go_on=True)
    program.wait_for(Status.RUNNING)
    thinker.wait_for(Status.RUNNING)
    work.wait_for("running")


def test_a_native_agent_comes_back_after_a_hub_restart_but_takes_no_work(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = native(cast).start_native()
    pull(finish=True)
    supervisor.close()
    supervisor.start()
    agent.wait_until(lambda row: HELD in row.status_reason)
    work = agent.do("hello")
    release()
    work.wait_for("succeeded")


def test_the_supervisor_looks_at_it_only_when_it_has_changed(
    supervisor: Supervisor, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, looks = brake.as_seen, []

    def counted() -> rules.Brake:
        looks.append(1)
        return read()

    # It is counted where the one reader is, and read for real.
    monkeypatch.setattr(brake, "as_seen", counted)
    cast("wait").start_ready().stop()
    assert looks == []
    pull()
    until(lambda: looks == [1], what="the one look")


def test_who_works_may_finish_and_is_stopped_then_if_both_are_wanted(
    supervisor: Supervisor, cast: Cast
) -> None:
    program, thinker = cast("wait").start_ready(), native(cast).start_native()
    work = thinker.do("/pause 1\n/say Done.")
    work.wait_for("running")
    pull(stop=True, finish=True)
    program.wait_for(Status.STOPPED)
    work.wait_for("succeeded")
    thinker.wait_for(Status.STOPPED)
    found = brake.pulled()
    assert found is not None
    assert [one["name"] for one in found.stopped] == ["wait", "thinker"]

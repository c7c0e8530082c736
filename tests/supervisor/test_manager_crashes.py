"""Crashes: restarts that wait longer each time, a limit, and reasons in words."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from agents.models import Agent
from agents.policy.states import Action, Status
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")


def delays(agent: Actor) -> list[float]:
    """The delays that the history tells of."""
    backoffs = [c.reason for c in agent.history() if c.to_status == Status.BACKOFF]
    found = [re.search(r"in ([\d.]+) s$", reason) for reason in backoffs]
    return [float(match[1]) for match in found if match]


def test_a_crash_loop_slows_down_gives_up_and_begins_afresh_for_a_person(
    cast: Cast,
) -> None:
    agent = cast("end", "3", max_restarts=3, backoff_initial=0.2, backoff_max=5)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == "exited with 3; gave up after 3 restarts within 600 s"
    assert (row.restart_count, row.restarts_total) == (3, 3)
    assert len(agent.noted()) == 4
    first, second, third = delays(agent)
    assert first < second < third
    assert 0.1 <= first <= 0.3
    assert 0.6 <= third <= 1.0
    path = [status for status in agent.path() if status != "running"]
    assert path == ["starting", "backoff"] * 3 + ["starting", "crashed"]
    assert [run.restart_number for run in agent.runs()] == [0, 1, 2, 3]
    # The delays were not only told: they were kept.
    begun = [run.created_at for run in agent.runs()]
    ended = [run.ended_at for run in agent.runs()]
    kept = [
        (after - before).total_seconds()
        for before, after in zip(ended, begun[1:], strict=False)
        if before is not None
    ]
    for told, real in zip(delays(agent), kept, strict=True):
        assert told - 0.06 <= real <= told + 0.5

    agent.ask(Action.START, actor="bob")
    agent.wait_until(lambda row: row.status == Status.CRASHED and row.generation == 2)
    agent.wait_until(lambda row: row.observed_generation == 2)
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 8
    assert (row.restart_count, row.restarts_total) == (3, 6)
    assert agent.runs()[4].restart_number == 0


def test_a_fresh_start_sets_the_count_to_0(cast: Cast, tmp_path: Path) -> None:
    code = f"test -e {tmp_path}/good && exec sleep 60; exit 1"
    agent = cast.command(["/bin/sh", "-c", code], name="mended", max_restarts=2)
    agent.ask(Action.START)
    assert agent.wait_for(Status.CRASHED).restart_count == 2
    (tmp_path / "good").touch()
    asked = agent.ask(Action.START)
    assert agent.settled(asked).outcome == "done"
    row = agent.look()
    assert row.status == Status.RUNNING
    assert (row.restart_count, row.restarts_total, row.recent_exits[1:]) == (0, 2, [])


def test_without_restarts_the_first_failure_is_a_crash(cast: Cast) -> None:
    agent = cast("end", "1", max_restarts=0)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 1
    assert row.restart_count == 0


def test_how_long_it_had_lived_does_not_matter(cast: Cast) -> None:
    """A slow flapper trips the limit as well."""
    agent = cast("end", "1", "0.4", max_restarts=2)
    agent.ask(Action.START)
    agent.wait_for(Status.CRASHED)
    assert len(agent.noted()) == 3


def test_exits_outside_the_window_do_not_count(cast: Cast) -> None:
    agent = cast("end", "1", "0.1", max_restarts=2, restart_window=0.3)
    agent.ask(Action.START)
    until(lambda: len(agent.noted()) >= 5, what="the fifth run")
    assert agent.look().status != Status.CRASHED


def test_a_death_by_a_signal_is_told_by_its_name(cast: Cast) -> None:
    agent = cast("wait", auto_restart="never").start_ready()
    os.kill(agent.noted()[0], signal.SIGSEGV)
    row = agent.wait_for(Status.CRASHED)
    assert "ended by signal SEGV (exit code 139)" in row.status_reason
    assert agent.runs()[0].exit_code == 139


def test_the_death_of_the_shim_alone_ends_the_program_too(cast: Cast) -> None:
    agent = cast("wait", auto_restart="never").start_ready()
    os.kill(agent.look().pid or 0, signal.SIGKILL)
    row = agent.wait_for(Status.CRASHED)
    assert agent.alive() == []
    assert "KILL" in row.status_reason


def test_after_a_healthy_time_the_counters_are_0_again_once(cast: Cast) -> None:
    agent = cast("wait", healthy_after=0.5).start_ready()
    os.kill(agent.noted()[0], signal.SIGKILL)
    agent.wait_until(lambda row: row.restart_count == 1)
    agent.wait_until(lambda row: row.restart_count == 0)
    row = agent.look()
    assert row.status == Status.RUNNING
    assert row.restarts_total == 1
    assert row.recent_exits[1:] == []
    # A second healthy time says nothing new.
    now = agent.ask(Action.START)
    agent.settled(now)
    until(lambda: agent.runs()[1].ended_at is None, what="it to run on")
    notes = [c.reason for c in agent.history() if "healthy" in c.reason]
    assert notes == ["healthy for 0.5 s: the restart counters are 0 again"]


def test_the_healthy_time_counts_from_the_programs_beginning(cast: Cast) -> None:
    agent = cast("wait", healthy_after=1.0).start_ready()
    os.kill(agent.noted()[0], signal.SIGKILL)
    agent.wait_until(lambda row: row.restart_count == 1 and row.status == "running")
    agent.wait_until(lambda row: row.restart_count == 0)
    [note] = [c for c in agent.history() if "healthy" in c.reason]
    began = agent.runs()[1].started_at
    assert began is not None
    assert 0.9 <= (note.at - began).total_seconds() <= 1.6


REFUSALS = {
    "missing": (["/no/such/program"], "program not found: /no/such/program"),
    "not-on-path": (
        ["no-such-program"],
        "program not found: no-such-program is not on the PATH",
    ),
    "not-executable": (["{root}/plain"], "no permission to run"),
    "no-program": (["{root}/text"], "not a program"),
    "a-directory": (["/tmp"], "not a program: /tmp is a directory"),
    "no-interpreter": (["{root}/orphan"], "names an interpreter that is missing"),
    "broken-link": (["{root}/link"], "is a broken link"),
}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, text, mode in [
        ("plain", "#!/bin/sh\n", 0o600),
        ("text", "echo no shebang\n", 0o700),
        ("orphan", "#!/no/such/interpreter\n", 0o700),
    ]:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    return tmp_path


def test_what_cannot_work_crashes_at_once_with_its_reason_and_no_restart(
    cast: Cast, programs: Path
) -> None:
    agents = {
        name: cast.command([word.format(root=programs) for word in command], name=name)
        for name, (command, _) in REFUSALS.items()
    }
    asked = {name: agent.ask(Action.START) for name, agent in agents.items()}
    for name, agent in agents.items():
        row = agent.wait_for(Status.CRASHED)
        reason = REFUSALS[name][1]
        assert reason in row.status_reason
        assert reason in agent.settled(asked[name]).detail
        assert agent.settled(asked[name]).outcome == "failed"
        assert agent.runs() == [], name
        assert (row.restart_count, row.recent_exits[1:]) == (0, []), name
        assert row.retry_at is None


def test_a_directory_that_went_away_is_named(cast: Cast, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    agent = cast("wait", cwd=str(place))
    place.rmdir()
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == f"no such directory: {place}"


def test_a_program_that_went_away_during_a_restart_is_a_crash_with_its_reason(
    cast: Cast, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nrm $0\nexit 1\n")
    program.chmod(0o700)
    agent = cast.command([str(program)], name="vanishing")
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == f"program not found: {program}"
    assert len(agent.runs()) == 1


def test_a_command_line_that_is_too_long_is_a_crash_at_once(cast: Cast) -> None:
    agent = cast.command(["/bin/true"], name="long-winded")
    command = ["/bin/true", *["x" * 100_000] * 30]
    Agent.objects.filter(pk=agent.row.pk).update(command=command)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert "Argument list too long" in row.status_reason
    assert len(agent.runs()) == 1


@pytest.mark.parametrize("poison", ["\ud800", "nul\0"])
def test_one_agents_impossible_text_disturbs_no_other(
    cast: Cast, supervisor: Supervisor, poison: str
) -> None:
    """No door lets it in any more, but a row may be older than the door."""
    healthy = cast("wait").start()
    bad = cast("wait", name="bad")
    Agent.objects.filter(pk=bad.row.pk).update(command=["/bin/echo", poison])
    asked = bad.ask(Action.START)
    assert bad.settled(asked).outcome == "failed"
    assert bad.wait_for(Status.CRASHED).status_reason
    healthy.settled(healthy.ask(Action.START))
    adoptions = [c for c in healthy.history() if c.source == "adoption"]
    assert adoptions == [], "The supervisor had to start anew."


def test_a_program_that_closes_its_streams_runs_on(cast: Cast) -> None:
    agent = cast("deaf").start()
    until(lambda: agent.noted("deaf"), what="the streams to be closed")
    assert agent.settled(agent.ask(Action.START)).outcome == "done"
    assert agent.look().status == Status.RUNNING
    assert len(agent.noted()) == 1


def test_a_flood_is_in_the_file_to_the_last_byte(cast: Cast) -> None:
    agent = cast("flood", "200000").start()
    until(lambda: agent.output().endswith("ready\n"), what="the flood's end")
    lines = agent.output().splitlines()
    assert lines[-2] == "line 200000"
    assert len(lines) == 200_001

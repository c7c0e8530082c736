"""Scenarios 1 and 2: what cannot work says why, at once, and is not tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.models import Agent
from agents.policy.states import Action, Status
from tests.harness.supervisor import Cast, Supervisor

pytestmark = pytest.mark.usefixtures("supervisor")

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


def test_02_each_command_that_cannot_run_crashes_at_once_with_its_own_reason(
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


def test_02_a_directory_that_is_missing_is_named(cast: Cast, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    agent = cast("wait", cwd=str(place))
    place.rmdir()
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert row.status_reason == f"no such directory: {place}"


def test_01_a_program_that_went_away_during_a_restart_ends_the_restarts(
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


def test_02_a_command_line_that_is_too_long_is_a_crash_at_once(cast: Cast) -> None:
    agent = cast.command(["/bin/true"], name="long-winded")
    command = ["/bin/true", *["x" * 100_000] * 30]
    Agent.objects.filter(pk=agent.row.pk).update(command=command)
    agent.ask(Action.START)
    row = agent.wait_for(Status.CRASHED)
    assert "Argument list too long" in row.status_reason
    assert len(agent.runs()) == 1


def test_01_a_command_that_is_not_found_crashes_at_once_and_is_not_tried_again(
    cast: Cast, supervisor: Supervisor
) -> None:
    agent = cast.command(["no-such-program"], name="missing", backoff_initial=0)
    neighbour = cast("wait").start()
    asked = agent.ask(Action.START)
    assert agent.settled(asked, timeout=2).outcome == "failed"
    row = agent.look()
    assert row.status == Status.CRASHED
    assert row.status_reason == (
        "program not found: no-such-program is not on the PATH"
    )
    assert row.status_source == "pre-flight"
    assert (row.retry_at, row.restart_count, agent.runs()) == (None, 0, [])
    assert agent.path() == ["crashed"]
    # Nobody else waits because of it.
    restarted = neighbour.ask(Action.RESTART)
    assert neighbour.settled(restarted, timeout=2).outcome == "done"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"command": []}, "the command is empty"),
        ({"command": [""]}, "the command is empty"),
        ({"cwd": "{root}/plain"}, "not a directory: {root}/plain"),
        ({"cwd": "{root}/nowhere"}, "no such directory: {root}/nowhere"),
    ],
    ids=["empty", "blank", "cwd-is-a-file", "cwd-is-missing"],
)
def test_02_a_row_that_no_door_would_write_has_its_reason_too(
    cast: Cast, programs: Path, row: dict[str, object], reason: str
) -> None:
    agent = cast("wait")
    values = {
        key: value.format(root=programs) if isinstance(value, str) else value
        for key, value in row.items()
    }
    Agent.objects.filter(pk=agent.row.pk).update(**values)
    assert agent.settled(agent.ask(Action.START)).outcome == "failed"
    found = agent.wait_for(Status.CRASHED)
    assert reason.format(root=programs) in found.status_reason
    assert (found.retry_at, found.restart_count, agent.runs()) == (None, 0, [])

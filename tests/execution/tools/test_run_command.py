"""`run_command`: real programs, to their end or to the end of our patience."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agents.adapters.launch import Launch
from agents.execution.tools import commands, toolbox
from agents.execution.tools.run_command import RunCommand
from agents.execution.tools.tool import Outcome, Refused, Surroundings
from agents.supervisor.process import part, shim
from agents.supervisor.process.census import Census, TreeKey
from tests.execution.tools.conftest import Call
from tests.harness.health import pids_in
from tests.harness.processes import be_subreaper, lives, marked, program
from tests.harness.waiting import until


@pytest.fixture(params=["built", "script"])
def either_shim(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.param == "script":
        monkeypatch.setattr(shim, "built", lambda: "")
    elif not shim.built():
        pytest.skip("no shim was built here: is there a C compiler?")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """Where the test program notes its pids."""
    return tmp_path / "marker"


@pytest.fixture
def noting(free: Surroundings, marker: Path) -> Surroundings:
    return replace(free, env={"MARKER": str(marker)})


@pytest.mark.usefixtures("either_shim")
def test_exit_code_and_both_streams_are_told(call: Call, free: Surroundings) -> None:
    outcome = call("run_command", free, command="echo out; echo err >&2; exit 3")
    assert outcome == Outcome(
        "[exited with 3]\n--- stdout, 4 bytes\nout\n--- stderr, 4 bytes\nerr"
    )
    assert call("run_command", free, command="true").text == (
        "[exited with 0]\n[it said nothing]"
    )
    assert call("run_command", free, command="kill -9 $$").text.startswith(
        "[ended by signal KILL (exit code 137)]"
    )


def test_a_list_passes_no_shell(call: Call, free: Surroundings) -> None:
    outcome = call("run_command", free, argv=["echo", "$HOME", "a  b", ";", "`id`"])
    assert outcome.text.endswith("\n$HOME a  b ; `id`")


def test_it_runs_in_the_workspace_or_below(
    call: Call, free: Surroundings, workspace: Path, outside: Path
) -> None:
    (workspace / "sub").mkdir()
    (workspace / "link").symlink_to(outside)
    assert call("run_command", free, command="pwd").text.endswith(f"\n{workspace}")
    below = call("run_command", free, command="pwd", cwd="sub")
    assert below.text.endswith(f"\n{workspace}/sub")
    for cwd in ("..", "/", "link", "missing"):
        outcome = call("run_command", free, command="touch hit", cwd=cwd)
        assert outcome.error
    assert not (outside / "hit").exists()


def test_it_gets_the_agents_environment_and_nothing_of_the_hubs(
    call: Call, free: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-hub")
    around = replace(free, env={"GREETING": "hello", "AGENTHUB_RUN": "forged"})
    text = call("run_command", around, argv=["env"]).text
    variables = dict(x.split("=", 1) for x in text.splitlines() if "=" in x)
    assert variables["GREETING"] == "hello"
    assert variables["AGENTHUB_RUN"] == str(free.run_id)
    assert variables["AGENTHUB_AGENT"] == "worker"
    assert variables.keys() - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH", "HOME", "GREETING", "AGENTHUB_RUN", "AGENTHUB_AGENT",
        "PYTHONUNBUFFERED",
    }  # fmt: skip


def test_nothing_is_on_the_standard_input(call: Call, free: Surroundings) -> None:
    assert call("run_command", free, command="cat; tty").text.endswith("not a tty")


def test_who_may_not_run_commands_has_no_such_tool(
    call: Call, around: Surroundings, workspace: Path
) -> None:
    outcome = call("run_command", around, command="touch hit")
    assert outcome.error
    assert outcome.text.startswith("there is no tool 'run_command'; there are: list")
    with pytest.raises(Refused, match="may not run commands"):
        asyncio.run(RunCommand().call({"command": "touch hit", "cwd": "."}, around))
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({}, "either command or argv"),
        ({"command": "true", "argv": ["true"]}, "either command or argv"),
        ({"command": " "}, "empty"),
        ({"argv": []}, "empty"),
        ({"argv": ["no-such-program"]}, "no-such-program is not on the PATH"),
        ({"argv": ["/tmp"]}, "not a program"),
        ({"argv": ["echo", "a\0b"]}, "NUL"),
        ({"argv": ["echo", "x" * 200_000]}, "put the text into a file"),
        ({"command": "true", "timeout": 0}, "from 1 to 3600"),
        ({"command": ["true"]}, "command has to be a text"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(
    call: Call, free: Surroundings, arguments: dict[str, object], why: str
) -> None:
    outcome = call("run_command", free, **arguments)
    assert outcome.error
    assert why in outcome.text


def test_of_much_output_beginning_and_end_are_shown(
    call: Call, free: Surroundings
) -> None:
    text = call("run_command", free, command="seq 1000000").text
    assert text.startswith("[exited with 0]\n--- stdout, 6,888,896 bytes\n1\n2\n3\n")
    assert "\n[… 6,864,896 bytes left out …]\n" in text
    assert text.endswith("\n999999\n1000000")
    assert len(text) < 25_000


def test_letters_that_the_cut_tears_and_wrong_bytes_are_no_trouble(
    call: Call, free: Surroundings
) -> None:
    line = "printf 'x'; i=0; while [ $i -lt 30000 ]; do printf 'é'; i=$((i+1)); done"
    text = call("run_command", free, command=line).text
    assert "\ufffd" not in text
    assert call("run_command", free, command=r"printf 'a\377b'").text.endswith(
        "a\ufffdb"
    )


def test_a_flood_is_ended_before_it_fills_the_disk(
    call: Call, free: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "MOST_OUTPUT", 1 << 20)
    outcome = call("run_command", free, command="while :; do seq 10000; done")
    assert outcome.error
    assert outcome.text.startswith("[it wrote more than 1 MiB, and was ended; ")


def overdue(
    free: Surroundings, folder: Path, *modes: str
) -> dict[str, tuple[Outcome, list[int]]]:
    """What comes of these programs after 1 s, all at once, and their pids."""

    async def one(mode: str) -> tuple[Outcome, list[int]]:
        marker = folder / f"{mode}.marker"
        around = replace(free, env={"MARKER": str(marker)})
        arguments = {"argv": program(mode), "timeout": 1}
        outcome = await toolbox.call("run_command", arguments, around)
        assert not any(map(lives, pids_in(marker))), mode
        return outcome, pids_in(marker)

    async def all_of_them() -> list[tuple[Outcome, list[int]]]:
        return await asyncio.gather(*map(one, modes))

    return dict(zip(modes, asyncio.run(all_of_them()), strict=True))


@pytest.mark.usefixtures("either_shim")
def test_overdue_it_is_ended_with_all_that_it_started(
    free: Surroundings, tmp_path: Path
) -> None:
    """Also what left its session, and what left it with an empty environment."""
    begun = time.monotonic()
    came = overdue(free, tmp_path, "wait", "setsid_child", "daemon")
    assert time.monotonic() - begun < 1 + commands.GRACE, "it left on TERM"
    for mode, (outcome, pids) in came.items():
        assert outcome.error
        assert outcome.text.startswith("[not done after 1 s, and ended; ")
        assert outcome.text.endswith("\nready")
        assert len(pids) == 1 + (mode != "wait"), mode


def test_all_of_it_is_asked_to_end_before_it_has_to(
    free: Surroundings, tmp_path: Path
) -> None:
    """Also a child in another session, which a signal to the group does not reach."""
    overdue(free, tmp_path, "shy_child")
    said = (tmp_path / "shy_child.marker").read_text()
    assert [line.split()[0] for line in said.splitlines()] == [
        "leader", "child", "asked",
    ]  # fmt: skip


def test_what_ignores_term_is_killed_after_a_grace(
    free: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "GRACE", 0.3)
    came = overdue(free, tmp_path, "stubborn", "stubborn_child")
    for outcome, pids in came.values():
        assert outcome.text.startswith("[not done after 1 s")
        assert pids


@pytest.mark.usefixtures("either_shim")
def test_what_it_leaves_in_the_background_is_ended_and_counted(
    call: Call, noting: Surroundings, marker: Path
) -> None:
    for mode in ("leave_child", "leave_daemon"):
        marker.unlink(missing_ok=True)
        outcome = call("run_command", noting, argv=program(mode, "4"))
        assert outcome.text.startswith(
            "[exited with 4]\n[1 process left in the background, ended]\n"
        )
        assert not outcome.error
        pids = pids_in(marker)
        assert len(pids) == 2
        assert not any(map(lives, pids)), mode


def test_also_where_orphans_do_not_come_to_the_hub(
    call: Call, noting: Surroundings, marker: Path
) -> None:
    be_subreaper(False)
    outcome = call("run_command", noting, argv=program("leave_daemon", "0"))
    assert "[1 process left in the background, ended]" in outcome.text
    assert not any(map(lives, pids_in(marker)))


@pytest.mark.parametrize("after", [0.0, 0.001, 0.005, 0.02, 0.3])
@pytest.mark.parametrize("mode", ["setsid_child", "daemon", "stubborn"])
def test_cancelled_at_any_moment_it_leaves_nothing(
    noting: Surroundings,
    marker: Path,
    after: float,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "GRACE", 0.2)
    before = len(os.listdir("/proc/self/fd"))

    async def cancel() -> None:
        arguments = {"argv": program(mode)}
        task = asyncio.create_task(toolbox.call("run_command", arguments, noting))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # It was said to be over only when it was.
        assert marked([noting.run_id]) == {}
        assert not any(map(lives, pids_in(marker)))

    asyncio.run(cancel())
    assert len(os.listdir("/proc/self/fd")) <= before


def test_cancelled_again_and_again_it_only_gets_impatient(
    noting: Surroundings, marker: Path
) -> None:
    async def cancel() -> float:
        arguments = {"argv": program("stubborn_child")}
        task = asyncio.create_task(toolbox.call("run_command", arguments, noting))
        await asyncio.to_thread(until, lambda: len(pids_in(marker)) == 2)
        begun = time.monotonic()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.01)
        assert task.cancelled()
        assert marked([noting.run_id]) == {}
        return time.monotonic() - begun

    assert asyncio.run(cancel()) < commands.GRACE


def test_a_loop_that_ends_leaves_nothing(noting: Surroundings, marker: Path) -> None:
    async def go() -> None:
        arguments = {"argv": program("setsid_child")}
        task = asyncio.create_task(toolbox.call("run_command", arguments, noting))
        await asyncio.to_thread(until, lambda: len(pids_in(marker)) == 2)
        assert not task.done()

    asyncio.run(go())
    assert not any(map(lives, pids_in(marker)))


def test_the_loop_goes_on_meanwhile(free: Surroundings) -> None:
    async def watch() -> float:
        arguments = {"command": "sleep 0.5; seq 100000"}
        task = asyncio.create_task(toolbox.call("run_command", arguments, free))
        longest = 0.0
        while not task.done():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - before)
        return longest

    assert asyncio.run(watch()) < 0.2


def test_a_command_ends_nothing_of_another_one_of_the_same_run(
    noting: Surroundings, free: Surroundings, marker: Path
) -> None:
    async def both() -> None:
        arguments = {"argv": program("daemon")}
        other = asyncio.create_task(toolbox.call("run_command", arguments, noting))
        await asyncio.to_thread(until, lambda: len(pids_in(marker)) == 2)
        short = {"command": "setsid sleep 60 & sleep 60", "timeout": 1}
        outcome = await toolbox.call("run_command", short, free)
        assert outcome.text.startswith("[not done after 1 s")
        assert all(map(lives, pids_in(marker)))
        other.cancel()
        await asyncio.wait([other])
        assert not any(map(lives, pids_in(marker)))

    asyncio.run(both())


def test_the_supervisor_finds_a_command_by_its_run(
    tmp_path: Path, around: Surroundings, marker: Path
) -> None:
    """As it does after a hub was killed, when nobody else knows of it."""
    program_, *words = program("daemon")
    launch = Launch((program_, *words), "/", {"MARKER": str(marker)})
    begun = part.begin(launch, tmp_path / "part", around.run_id)
    try:
        until(lambda: len(pids_in(marker)) == 2)
        census = Census()
        [tree] = census.trees(census.take(), [TreeKey(around.run_id, None)]).values()
        assert {*pids_in(marker), begun.leader.pid} == {one.pid for one in tree}
    finally:
        part.end(begun)


def test_many_commands_leave_no_descriptor_and_no_zombie(
    call: Call, free: Surroundings
) -> None:
    call("run_command", free, command="true")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        call("run_command", free, command="sleep 0 & true")
    assert len(os.listdir("/proc/self/fd")) <= before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_what_the_system_cannot_start_is_told(
    call: Call, free: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(shim, "start", fail)
    outcome = call("run_command", free, command="true")
    assert outcome.error
    assert outcome.text == (
        "could not spawn: Resource temporarily unavailable (errno 11)"
    )

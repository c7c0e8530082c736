"""The adapter `command`: what reaches the program, and what of the hub does not."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from agents.adapters import command
from agents.adapters.launch import Launch, Surroundings
from agents.policy.preflight import Refused
from agents.policy.restart import Mode, RestartPolicy
from agents.policy.setup import AgentSetup
from agents.supervisor.process.spawn import lay_out, spawn

ROOT = Path(__file__).resolve().parents[2]

# Everything a shell would do something with.
SHELL_BAIT = [
    "", " ", "a b", "$HOME", "$(echo pwned)", "`echo pwned`", "; echo pwned", "&&", "|",
    "*", "?", "~", "!", "#", "'", '"', "\\", "\n", "-n", "--", "%s", "é😀",
    ">/tmp/pwned", "${IFS}", "A=b",
]  # fmt: skip
SAY_ARGUMENTS = "import json, sys; print(json.dumps(sys.argv[1:]))"
SAY_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def set_up(*argv: str, **values: object) -> AgentSetup:
    given = AgentSetup(
        id=1,
        name="worker",
        kind="process_wrapper",
        adapter="command",
        command=argv or (sys.executable,),
        cwd="",
        stdin="none",
        stop_signal="TERM",
        stop_grace=10,
        restart=RestartPolicy(Mode.NEVER, 5, 600, 1, 60, 600),
        revision=1,
        launch_revision=1,
    )
    return replace(given, **values)  # type: ignore[arg-type]


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    home = tmp_path / "home"
    home.mkdir()
    return Surroundings(
        run_id=str(uuid.uuid4()),
        home=str(home),
        url="http://127.0.0.1:8000/",
        inherited={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )


# The environment


def test_a_program_gets_the_allowed_the_hubs_and_its_own_variables_and_no_other(
    around: Surroundings,
) -> None:
    launch = command.build(set_up(env={"MINE": "yes"}), around)
    assert launch.env == {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "MINE": "yes",
        "AGENTHUB_RUN": around.run_id,
        "AGENTHUB_AGENT": "worker",
        "AGENTHUB_URL": "http://127.0.0.1:8000/",
    }


def test_a_run_with_a_token_is_given_it_whatever_its_set_up_says(
    around: Surroundings,
) -> None:
    own = set_up(env={"AGENTHUB_TOKEN": "forged"})
    launch = command.build(own, replace(around, token="ahr_x"))
    assert launch.env["AGENTHUB_TOKEN"] == "ahr_x"
    assert "ahr_x" not in repr(launch) + repr(replace(around, token="ahr_x"))


def test_a_hub_without_pages_gives_no_address(around: Surroundings) -> None:
    launch = command.build(set_up(), replace(around, url=""))
    assert "AGENTHUB_URL" not in launch.env


def test_its_own_variables_win_over_inherited_ones(around: Surroundings) -> None:
    launch = command.build(set_up(env={"LANG": "de", "PATH": "/bin"}), around)
    assert (launch.env["LANG"], launch.env["PATH"]) == ("de", "/bin")


@pytest.mark.parametrize("value", ["", "0", "x"])
def test_a_program_may_choose_how_python_writes(
    around: Surroundings, value: str
) -> None:
    assert command.build(set_up(), around).env["PYTHONUNBUFFERED"] == "1"
    launch = command.build(set_up(env={"PYTHONUNBUFFERED": value}), around)
    assert launch.env["PYTHONUNBUFFERED"] == value


def test_no_set_up_can_pretend_to_be_another_run(around: Surroundings) -> None:
    """Saving refuses such names; a row from elsewhere must not get around that."""
    own = {"AGENTHUB_RUN": "other", "AGENTHUB_AGENT": "other", "AGENTHUB_URL": "x"}
    launch = command.build(set_up(env=own), around)
    assert launch.env["AGENTHUB_RUN"] == around.run_id
    assert launch.env["AGENTHUB_AGENT"] == "worker"
    assert launch.env["AGENTHUB_URL"] == "http://127.0.0.1:8000/"


def test_what_the_settings_let_through_is_the_short_list_and_no_secret(
    tmp_path: Path,
) -> None:
    """Read by a process of its own, as a hub reads the environment it starts in."""
    given = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TZ": "Asia/Kolkata",
        "AGENTHUB_DATA_DIR": str(tmp_path / "data"),
        "AGENTHUB_SECRET_KEY": "hush",
        "AGENTHUB_ADMIN_PASSWORD": "hush",
        "DATABASE_URL": "",
        "ANTHROPIC_API_KEY": "hush",
        "OPENAI_API_KEY": "hush",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "LD_PRELOAD": "",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "agenthub.settings",
    }
    source = (
        "import json; from agenthub import settings; "
        "print(json.dumps(settings.AGENTHUB_CHILD_ENVIRONMENT))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source],
        env=given,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    allowed = ("PATH", "HOME", "LANG", "TZ")
    assert json.loads(done.stdout) == {name: given[name] for name in allowed}


# The command and where it starts


def test_every_argument_stays_what_it_is(around: Surroundings) -> None:
    launch = command.build(set_up(sys.executable, *SHELL_BAIT), around)
    assert launch.argv == (sys.executable, *SHELL_BAIT)


def test_a_program_is_found_by_its_own_path(
    around: Surroundings, tmp_path: Path
) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    launch = command.build(set_up("tool", env={"PATH": str(tmp_path)}), around)
    assert launch.argv == (str(tool),)
    with pytest.raises(Refused, match="tool is not on the PATH"):
        command.build(set_up("tool"), around)


def test_it_starts_at_home_unless_it_names_a_directory(
    around: Surroundings, tmp_path: Path
) -> None:
    assert command.build(set_up(), around).cwd == around.home
    assert command.build(set_up(cwd=str(tmp_path)), around).cwd == str(tmp_path)


def test_it_reads_what_it_asks_for(around: Surroundings) -> None:
    assert command.build(set_up(), around).stdin == "none"
    assert command.build(set_up(stdin="fifo"), around).stdin == "fifo"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (set_up("no-such-tool"), "program not found: no-such-tool is not on the PATH"),
        (set_up("/etc"), "not a program: /etc is a directory"),
        (set_up("/etc/passwd"), "no permission to run /etc/passwd (not executable)"),
        (set_up(" "), "the command is empty"),
        (set_up(cwd="/no/such/place"), "no such directory: /no/such/place"),
        (set_up(cwd="/etc/passwd"), "the working directory is not a directory"),
        (set_up("sh", "a\0b"), "an argument has a NUL character in it"),
        (set_up(env={"A": "\ud800"}), "the variable 'A' has half a letter"),
    ],
)
def test_what_cannot_run_is_refused_with_its_own_reason(
    around: Surroundings, given: AgentSetup, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        command.build(given, around)
    assert reason in str(caught.value)


# Through the real spawn, shim included


def output_of(launch: Launch, around: Surroundings, folder: Path) -> bytes:
    lay_out(folder, launch.stdin)
    child = spawn(launch, folder, uuid.UUID(around.run_id))
    try:
        ended, _, _ = select.select([child.pidfd], [], [], 20)
        assert ended, "The program did not end."
        os.waitpid(child.leader.pid, 0)
    finally:
        os.close(child.pidfd)
    return (folder / "out").read_bytes()


def test_no_argument_passes_a_shell_on_its_way(
    around: Surroundings, tmp_path: Path
) -> None:
    launch = command.build(
        set_up(sys.executable, "-c", SAY_ARGUMENTS, *SHELL_BAIT), around
    )
    said = output_of(launch, around, tmp_path / "run")
    assert json.loads(said) == SHELL_BAIT


def test_the_program_itself_sees_no_variable_of_the_hub(
    around: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hush")
    launch = command.build(
        set_up(sys.executable, "-c", SAY_ENVIRONMENT, env={"MINE": "yes"}), around
    )
    seen = json.loads(output_of(launch, around, tmp_path / "run"))
    # The shim's shell says where it is; Python may set its own locale.
    assert (
        seen.keys() - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} == launch.env.keys()
    )
    assert "hush" not in seen.values()
    assert seen["AGENTHUB_RUN"] == around.run_id

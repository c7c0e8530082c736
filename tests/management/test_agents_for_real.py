"""`manage.py agents` as a process of its own, with a real hub and without one."""

from __future__ import annotations

import argparse
import ast
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agents.management.agentctl import parser
from tests.harness.hub import MANAGE, ROOT, HubProcess
from tests.harness.waiting import until

TICKER = ["sh", "-c", "while :; do echo tick; sleep 0.05; done"]


@pytest.fixture
def tended(module_hub: HubProcess) -> Iterator[HubProcess]:
    """The module's hub, running, with all agents of other tests stopped."""
    if module_hub.process is None:
        module_hub.start()
    yield module_hub
    if module_hub.survivors():
        module_hub.agents("kill", "--all", "--wait", "10")


def define(hub: HubProcess, *agents: Mapping[str, object]) -> None:
    path = hub.home / "agents.json"
    path.write_text(json.dumps({"agents": agents}))
    done = hub.agents("import", str(path))
    assert done.returncode == 0, done.stderr


def status(hub: HubProcess, name: str) -> dict[str, object]:
    (agent,) = hub.agents_json("status", name)
    assert isinstance(agent, dict)
    return agent


def spawn(hub: HubProcess, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "agents", *arguments],
        cwd=ROOT,
        env=hub.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    os.kill(process.pid, signal.SIGINT)
    return process.communicate(timeout=10)


# With a hub


def test_start_restart_stop_and_kill_are_true_when_they_answer(
    tended: HubProcess,
) -> None:
    define(tended, {"name": "ticker", "command": TICKER})
    first = tended.agents("start", "ticker", "--wait", "10")
    assert (first.returncode, first.stderr) == (0, "")
    pid = status(tended, "ticker")["pid"]
    assert isinstance(pid, int) and Path(f"/proc/{pid}").exists()
    again = tended.agents("start", "ticker", "--wait", "10")
    assert (again.returncode, status(tended, "ticker")["pid"]) == (0, pid)
    assert tended.agents("restart", "ticker", "--wait", "10").returncode == 0
    assert status(tended, "ticker")["pid"] != pid
    assert tended.agents("stop", "ticker", "--wait", "10").returncode == 0
    assert tended.survivors() == {}
    assert tended.agents("restart", "ticker", "--wait", "10").returncode == 0
    assert tended.agents("kill", "ticker", "--wait", "10").returncode == 0
    assert tended.survivors() == {}
    assert status(tended, "ticker")["status"] == "stopped"


def test_a_program_that_completes_is_a_success(tended: HubProcess) -> None:
    define(tended, {"name": "once", "command": ["echo", "hello"]})
    done = tended.agents("start", "once", "--wait", "10")
    assert (done.returncode, done.stderr) == (0, "")
    assert tended.agents("logs", "once").stdout == "hello\n"
    (run,) = tended.agents_json("runs", "once")
    assert run["exit_code"] == 0


def test_a_program_that_fails_at_once_is_a_failure(tended: HubProcess) -> None:
    define(
        tended,
        {"name": "bad", "command": ["sh", "-c", "exit 3"], "auto_restart": "never"},
        {"name": "missing", "command": ["/no/such/program"]},
    )
    done = tended.agents("start", "bad", "missing", "--wait", "10", "--json")
    assert done.returncode == 1
    bad, missing = json.loads(done.stdout)
    assert (bad["ok"], bad["status"]) == (False, "crashed")
    assert "exited with 3" in bad["detail"]
    assert "not found" in missing["detail"]


def test_fifty_agents_start_and_stop_in_under_five_seconds(tended: HubProcess) -> None:
    names = [f"many-{number}" for number in range(50)]
    label = {"many": "yes"}
    define(
        tended,
        *[{"name": n, "command": ["sleep", "600"], "labels": label} for n in names],
    )
    for action in ("start", "stop"):
        begun = time.monotonic()
        done = tended.agents(action, "--label", "many=yes", "--wait", "10")
        assert (done.returncode, done.stderr) == (0, "")
        assert time.monotonic() - begun < 5
        assert done.stdout.startswith("50 asked; 50 done in ")
        running = tended.agents_json("summary")["running_agents"]
        assert running == (50 if action == "start" else 0)
    assert tended.survivors() == {}


def test_ctrl_c_ends_the_waiting_and_leaves_the_wish(tended: HubProcess) -> None:
    deaf = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"]
    define(tended, {"name": "deaf", "command": deaf, "stop_grace": 60})
    assert tended.agents("start", "deaf", "--wait", "10").returncode == 0
    until(lambda: tended.agents("logs", "deaf").stdout == "deaf\n")
    process = spawn(tended, "stop", "deaf", "--wait", "60")
    until(lambda: status(tended, "deaf")["status"] == "stopping")
    out, err = interrupt(process)
    assert process.returncode == 1
    assert "what was asked stays asked" in err
    assert "Traceback" not in out + err
    assert status(tended, "deaf")["desired_state"] == "stopped"


def test_following_goes_on_over_a_restart_and_ends_with_ctrl_c(
    tended: HubProcess,
) -> None:
    define(tended, {"name": "teller", "command": ["sh", "-c", "echo $$; sleep 60"]})
    assert tended.agents("start", "teller", "--wait", "10").returncode == 0
    process = spawn(tended, "logs", "teller", "--follow")
    assert process.stdout is not None
    first = process.stdout.readline().strip()
    assert Path(f"/proc/{first}").exists()
    assert tended.agents("restart", "teller", "--wait", "10").returncode == 0
    second = process.stdout.readline().strip()
    assert Path(f"/proc/{second}").exists()
    assert not Path(f"/proc/{first}").exists()
    _, err = interrupt(process)
    assert (process.returncode, err) == (0, "")


def test_a_reader_that_leaves_is_no_error(tended: HubProcess) -> None:
    define(tended, {"name": "ticker", "command": TICKER})
    assert tended.agents("start", "ticker", "--wait", "10").returncode == 0
    python, manage = sys.executable, MANAGE
    for line in ("logs ticker --follow", "list --json"):
        done = tended.run(f"'{python}' '{manage}' agents {line} | head -1")
        assert done.stdout.count("\n") == 1
        assert done.stderr == "", line


def test_what_was_exported_can_be_imported(tended: HubProcess) -> None:
    define(tended, {"name": "keeper", "command": TICKER, "env": {"API_KEY": "s3cret"}})
    path = tended.home / "all.yaml"
    assert tended.agents("export", str(path)).returncode == 0
    assert "s3cret" not in path.read_text()
    done = tended.agents("import", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" unchanged\n") and "changed," not in done.stdout


# Without a hub


def test_without_its_hub_a_start_fails_and_a_stop_does_the_work(
    tended: HubProcess,
) -> None:
    define(tended, {"name": "ticker", "command": TICKER})
    assert tended.agents("start", "ticker", "--wait", "10").returncode == 0
    tended.kill9()
    begun = time.monotonic()
    start = tended.agents("start", "ticker", "--wait", "30")
    assert time.monotonic() - begun < 10
    assert start.returncode == 1
    assert "no supervisor is running; start one with `manage.py hub`" in start.stderr
    assert tended.agents_json("summary")["supervisor_running"] is False
    assert "as it was last seen" in tended.agents("list").stderr
    assert tended.survivors() != {}
    stop = tended.agents("stop", "ticker")
    assert (stop.returncode, stop.stdout) == (0, "ticker: stopped\n")
    assert stop.stderr == "No supervisor is running: this command does the stop.\n"
    assert tended.survivors() == {}
    assert status(tended, "ticker")["status"] == "stopped"
    again = tended.agents("kill", "--all", "--wait", "10")
    assert (again.returncode, again.stderr) == (0, "")


def test_a_data_directory_without_a_hub_is_explained(tmp_path: Path) -> None:
    done = HubProcess(tmp_path).agents("list", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("There is nothing here")
    assert "Traceback" not in done.stderr


# At a terminal


def at_terminal(hub: HubProcess, *arguments: str, **environment: str) -> str:
    """What a person sees, 100 columns wide."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(MANAGE), "agents", *arguments],
        cwd=ROOT,
        env={**hub.environment, "TERM": "xterm", "COLUMNS": "100", **environment},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    try:
        while data := os.read(leader, 65536):
            seen += data
    except OSError:  # How Linux says that nobody has the other end any more.
        pass
    os.close(leader)
    process.wait(10)
    return seen.decode()


def test_a_person_sees_icons_and_colours_and_a_bar(tended: HubProcess) -> None:
    define(tended, *[{"name": f"p{n}", "command": TICKER} for n in range(4)])
    started = at_terminal(tended, "start", "p0", "p1", "p2", "p3", "--wait", "10")
    assert "Start" in started and "4/4" in started
    assert "4 asked; 4 done in " in started
    for text in (
        at_terminal(tended, "list"),
        at_terminal(tended, "status", "p0"),
    ):
        assert "\x1b[32m● running\x1b[0m" in text
    plain = at_terminal(tended, "list", NO_COLOR="1")
    assert "● running" in plain
    assert "\x1b[32m" not in plain
    assert "\x1b" not in at_terminal(tended, "list", "--json")


def test_a_table_fits_the_terminal(tended: HubProcess) -> None:
    name = "a-name-of-length"
    define(tended, {"name": name, "command": ["/no/such/" + "program" * 20]})
    tended.agents("start", name, "--wait", "10")
    for columns in ("40", "80"):
        text = at_terminal(tended, "list", COLUMNS=columns, NO_COLOR="1")
        plain = text.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
        (line,) = (line for line in plain if line.startswith(name))
        assert "✖ crashed" in line
        assert max(map(len, plain)) <= int(columns)


# The command line itself


def test_misuse_exits_with_2_and_the_usage(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    for line in (("start",), ("start", "x", "--wait", "soon"), ("dance",), ()):
        done = hub.agents(*line)
        assert (done.returncode, done.stdout) == (2, ""), line
        assert done.stderr.startswith("usage: manage.py agents")


def test_what_is_not_needed_is_not_loaded(tended: HubProcess) -> None:
    code = (
        "import sys; from django.core.management import execute_from_command_line\n"
        "execute_from_command_line(['manage.py', 'agents', 'list', '--json'])\n"
        "heavy = {'rich', 'yaml', 'agents.supervisor', 'daphne'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**tended.environment, "DJANGO_SETTINGS_MODULE": "agenthub.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n"


def test_every_subcommand_is_named_in_a_test() -> None:
    command_line = argparse.ArgumentParser()
    parser.build(command_line)
    (subcommands,) = (
        action.choices
        for action in command_line._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    words = {
        node.value
        for path in Path(__file__).parent.glob("test_agents_*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        for node in call.args
        if isinstance(node, ast.Constant)
    }
    assert set(subcommands) - words == set()

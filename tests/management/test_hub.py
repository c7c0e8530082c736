"""`manage.py hub`: the first start, the second, and the ends."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.harness.hub import ADMIN_PASSWORD, HubProcess, try_start
from tests.harness.processes import lives, program
from tests.harness.waiting import until

PASSWORD = re.compile(r"one-time password (\S+)")


class NewHub(HubProcess):
    """As a person meets it: no password was chosen beforehand."""

    @property
    def environment(self) -> dict[str, str]:
        given = super().environment
        del given["AGENTHUB_ADMIN_PASSWORD"]
        return given


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub on its first start, demo agents and all."""
    hub = NewHub(tmp_path_factory.mktemp("first"), "--host", "127.0.0.1")
    try:
        yield hub.start()
    finally:
        hub.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub yet to be started."""
    hub = HubProcess(tmp_path)
    try:
        yield hub
    finally:
        hub.close()


def sign_in(hub: HubProcess, password: str) -> str:
    """Where a sign-in as admin ends, by the page's own form."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(f"{hub.url}/", timeout=10)
    token = re.search(
        r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode()
    )
    assert token is not None
    form = urllib.parse.urlencode(
        {"csrfmiddlewaretoken": token[1], "username": "admin", "password": password}
    )
    request = urllib.request.Request(page.url, form.encode(), {"Referer": page.url})
    return str(urllib.parse.urlsplit(opener.open(request, timeout=10).url).path)


def make(hub: HubProcess, *setups: dict[str, Any]) -> None:
    """Agents by `agents import`."""
    file = hub.home / "agents.json"
    file.write_text(json.dumps({"agents": list(setups)}))
    done = hub.agents("import", str(file))
    assert done.returncode == 0, done.stderr


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def by_name(hub: HubProcess) -> dict[str, dict[str, Any]]:
    return {agent["name"]: agent for agent in hub.agents_json("list")}


def count_rows(hub: HubProcess) -> dict[str, int]:
    """How much is in the tables that a start may write to, and who has the node."""
    code = (
        "import json; from django.contrib.auth.models import User, Group; "
        "from agents.models import Agent, Node, Request; "
        "models = (User, Group, Agent, Request, Node); "
        "counts = {m.__name__: m.objects.count() for m in models}; "
        "print(json.dumps(counts | {'epoch': Node.objects.get().epoch}))"
    )
    done = hub.manage("shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


# The first start


def test_what_the_first_start_makes_is_private(first: HubProcess) -> None:
    assert mode_of(first.data) == 0o700
    assert mode_of(first.data / "secret_key") == 0o600
    assert len((first.data / "secret_key").read_text()) >= 50


def test_the_printed_password_signs_in(first: HubProcess) -> None:
    printed = PASSWORD.search(first.output())
    assert printed is not None
    assert sign_in(first, printed[1]) == "/"
    assert sign_in(first, "a guess") != "/"


def test_the_demo_agents_come_to_run(first: HubProcess) -> None:
    names = {"demo-assistant", "demo-chatty", "demo-crashing", "demo-web"}
    until(
        lambda: (
            {name for name, a in by_name(first).items() if a["status"] == "running"}
            == names
        ),
        every=0.2,
        what="the demo",
    )
    until(
        lambda: "step 2" in first.agents("logs", "demo-chatty").stdout,
        every=0.2,
        what="what the chatty one says",
    )


def test_a_second_hub_refuses_and_changes_nothing(first: HubProcess) -> None:
    before, rows = by_name(first), count_rows(first)
    refused = try_start(first, "--port", "0")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.strip() == (
        f"CommandError: Not started: node 'local' of {first.data} is already "
        f"supervised by process {first.pid}, at {first.url}/."
    )
    assert count_rows(first) == rows
    after = by_name(first)
    steady = ("demo-chatty", "demo-web")
    assert [after[n]["pid"] for n in steady] == [before[n]["pid"] for n in steady]


def test_a_second_start_makes_no_second_administrator_and_no_second_demo(
    first: HubProcess,
) -> None:
    pid, before = by_name(first)["demo-chatty"]["pid"], count_rows(first)
    assert before["User"] == 1
    assert first.stop() == 0
    first.start()
    assert PASSWORD.search(first.output()) is None
    assert "sign in as admin with the password you chose" in first.output()
    after = by_name(first)
    assert len(after) == 4
    assert after["demo-chatty"]["pid"] == pid
    assert count_rows(first) == before | {"epoch": before["epoch"] + 1}


# Without a supervisor


def test_a_hub_without_supervisor_beside_nobody_supervises_nothing(
    tmp_path: Path,
) -> None:
    hub = HubProcess(tmp_path, "--no-supervisor")
    try:
        hub.start()
        assert hub.agents_json("list") == [], "a demo nobody would run"
        assert hub.agents_json("summary")["supervisor_running"] is False
        assert hub.stop() == 0
    finally:
        hub.close()


# The ends


def test_both_polite_ends_leave_agents_running_and_say_so(hub: HubProcess) -> None:
    make(hub, {"name": "one", "command": program("wait")})
    assert hub.agents("start", "one", "--wait", "10").returncode == 0
    pid = by_name(hub)["one"]["pid"]
    assert hub.process is not None
    begun = time.monotonic()
    assert hub.stop() == 0
    assert time.monotonic() - begun < 5
    told = (
        "Agents still running: 1. They go on without the hub; the next start adopts "
        "them. To stop them: manage.py agents stop --all"
    )
    assert told in hub.output()
    assert lives(pid)
    hub.start()
    assert by_name(hub)["one"]["pid"] == pid
    process, hub.process = hub.process, None
    assert process is not None
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert told in hub.output()
    assert "Traceback" not in hub.output()
    assert lives(pid)
    # And without any hub the command ends them.
    stopped = hub.agents("stop", "--all", "--wait", "10")
    assert stopped.returncode == 0
    assert not lives(pid)
    assert hub.survivors() == {}
    assert by_name(hub)["one"]["status"] == "stopped"


def test_twenty_agents_outlive_a_killed_hub_and_are_adopted(
    hub: HubProcess, tmp_path: Path
) -> None:
    go, names = tmp_path / "go", [f"agent-{n:02}" for n in range(19)]
    make(
        hub,
        *({"name": name, "command": program("echo")} for name in names),
        {
            "name": "leaver",
            "command": program("end_when", str(go), "7"),
            "auto_restart": "never",
        },
        {"name": "crashed", "command": program("end", "1"), "auto_restart": "never"},
    )
    assert hub.agents("start", *names, "leaver", "--wait", "10").returncode == 0
    assert hub.agents("start", "crashed", "--wait", "10").returncode == 1
    before = by_name(hub)
    assert before["crashed"]["status"] == "crashed"
    hub.kill9()
    assert all(lives(before[name]["pid"]) for name in names)
    go.touch()
    until(lambda: not lives(before["leaver"]["pid"]), what="the leaver's end")
    hub.start()
    after = by_name(hub)
    assert [after[n]["pid"] for n in names] == [before[n]["pid"] for n in names]
    assert {after[name]["status"] for name in names} == {"running"}
    assert len(hub.survivors()) == 2 * len(names), "a shim and a program each"
    assert after["leaver"]["status"] == "crashed"
    [run] = hub.agents_json("runs", "leaver")
    assert run["exit_code"] == 7
    assert after["crashed"]["status"] == "crashed"
    assert len(hub.agents_json("runs", "crashed")) == 1
    for name in names:
        assert len(hub_runs(hub, name)) == 1
        lines = out(hub, name).splitlines()
        assert lines == [f"line {n}" for n in range(1, len(lines) + 1)]
    begun = time.monotonic()
    assert hub.agents("stop", "--all", "--wait", "10").returncode == 0
    assert time.monotonic() - begun < 5
    assert hub.survivors() == {}


def hub_runs(hub: HubProcess, name: str) -> list[Path]:
    return sorted((hub.data / "runs" / name).iterdir())


def out(hub: HubProcess, name: str) -> str:
    """The whole lines of the only run."""
    text = (hub_runs(hub, name)[0] / "out").read_text()
    return text[: text.rindex("\n") + 1]


@pytest.mark.full
def test_fifty_agents_start_and_stop_in_under_five_seconds(hub: HubProcess) -> None:
    marker = hub.home / "marker"
    make(
        hub,
        *(
            {
                "name": f"agent-{n}",
                "command": program("daemon" if n % 2 else "setsid_child"),
                "env": {"MARKER": str(marker)},
            }
            for n in range(50)
        ),
    )
    for action in ("start", "stop"):
        begun = time.monotonic()
        done = hub.agents(action, "--all", "--wait", "10")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - begun < 5
    pids = [int(line.split()[1]) for line in marker.read_text().splitlines()]
    assert len(pids) >= 50
    assert [pid for pid in pids if lives(pid)] == []


@pytest.mark.full
def test_hubs_killed_again_and_again_lose_and_double_nothing(
    hub: HubProcess,
) -> None:
    """Killed at whatever they are doing; the next one sorts it out."""
    names = [f"agent-{n}" for n in range(10)]
    make(hub, *({"name": name, "command": program("setsid_child")} for name in names))
    for turn in range(6):
        action = "restart" if turn % 2 else "start"
        assert hub.agents(action, "--all").returncode == 0
        # Not waited for: the kill shall fall into the middle of it.
        time.sleep(0.05 * turn)
        hub.kill9()
        hub.start()
        until(
            lambda: {a["status"] for a in by_name(hub).values()} == {"running"},
            every=0.2,
            what="all to run",
        )
        until(
            lambda: len(hub.survivors()) == 3 * len(names),
            what="a shim, a program and a child for each, and no more",
        )
    assert all(a["restarts_total"] <= 6 for a in by_name(hub).values())


def test_the_chosen_password_signs_in_and_is_not_printed(hub: HubProcess) -> None:
    assert ADMIN_PASSWORD not in hub.output()
    assert sign_in(hub, ADMIN_PASSWORD) == "/"


def test_a_hub_under_nohup_does_not_make_its_agents_deaf(empty: HubProcess) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        empty.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    make(empty, {"name": "status", "command": ["cat", "/proc/self/status"]})
    assert empty.agents("start", "status", "--wait", "10").returncode == 0
    ignored = re.search(r"^SigIgn:\t([0-9a-f]+)$", out(empty, "status"), re.MULTILINE)
    assert ignored and int(ignored[1], 16) & 1 == 0
    os.kill(empty.pid, signal.SIGHUP)
    assert empty.agents("start", "status", "--wait", "10").returncode == 0


def test_interrupts_are_heard_by_a_background_job(empty: HubProcess) -> None:
    """A shell starts `hub &` with SIGINT ignored; its agents must not inherit that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        empty.start()
    finally:
        signal.signal(signal.SIGINT, before)
    cat = ["cat", "/proc/self/status"]
    make(empty, {"name": "status", "command": cat})
    assert empty.agents("start", "status", "--wait", "10").returncode == 0
    said = out(empty, "status")
    ignored = re.search(r"^SigIgn:\t([0-9a-f]+)$", said, re.MULTILINE)
    # Signals 1 to 31: 32 and 33 are libc's own, and make leaves them ignored.
    assert ignored and int(ignored[1], 16) & ((1 << 31) - 1) == 0, said
    process, empty.process = empty.process, None
    assert process is not None
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(10) == 0

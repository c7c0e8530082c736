"""The same job done by curl, by the command line and in the admin: the same rows.

Twenty agents are started, waited for, read, restarted and stopped. What the database
keeps of it may differ in who asked, by which door and when, and in nothing else.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from itertools import groupby
from typing import Any, ClassVar, Final, Protocol

import pytest

from tests.admin.pages import FormParser
from tests.harness.hub import HubProcess
from tests.harness.visitor import Visitor
from tests.harness.waiting import until

AGENTS: Final = 20
PATIENCE: Final = 60
REASON: Final = "the day is over"
PROGRAM: Final = ["sh", "-c", "echo ready; echo no worries >&2; exec sleep 600"]
WRITTEN: Final = "ready\nno worries\n"
# Whose row it is, who asked, when, and which process it was.
OWN: Final = frozenset(
    {
        *("id", "agent_id", "agent_name", "run_id", "seq"),
        *("actor", "via", "token_hash"),
        *("at", "settled_at", "created_at", "started_at", "exited_at", "ended_at"),
        *("pid", "start_ticks", "boot", "stop_boot_seconds"),
    }
)
Rows = dict[str, list[dict[str, Any]]]


class Door(Protocol):
    """A way into the hub, for the agents of one fleet."""

    fleet: ClassVar[str]

    def ask(self, action: str, reason: str = "") -> None:
        """Ask all of them, and come back when it is so."""

    def read(self, name: str) -> str:
        """What the latest run of one has written: its output, then its errors."""


@dataclass
class Curl:
    """The control API, from a shell."""

    hub: HubProcess
    token: str
    fleet: ClassVar[str] = "curl"

    def ask(self, action: str, reason: str = "") -> None:
        labels = {"fleet": self.fleet}
        wish = {"action": action, "labels": labels, "wait": PATIENCE, "reason": reason}
        results = self._call("agents/batch", "--json", json.dumps(wish))["results"]
        assert [one for one in results if not one["ok"]] == []
        assert len(results) == AGENTS

    def read(self, name: str) -> str:
        streams = (f"agents/{name}/logs?stream={stream}" for stream in ("out", "err"))
        return "".join(self._call(one)["data"] for one in streams)

    def _call(self, path: str, *options: str) -> Any:
        bearer = f"Authorization: Bearer {self.token}"
        url = f"{self.hub.url}/api/v1/{path}"
        line = shlex.join(["curl", "-sS", "--fail", "-H", bearer, *options, url])
        done = self.hub.run(line, timeout=2 * PATIENCE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@dataclass
class Command:
    """`manage.py agents`."""

    hub: HubProcess
    fleet: ClassVar[str] = "command"

    def ask(self, action: str, reason: str = "") -> None:
        told = [action, "--label", f"fleet={self.fleet}", "--wait", str(PATIENCE)]
        done = self.hub.agents(*told, "--reason", reason, timeout=2 * PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{AGENTS} done" in done.stdout

    def read(self, name: str) -> str:
        return self.hub.agents("logs", name).stdout


@dataclass
class Admin:
    """A browser in the admin: its lists, their actions, and what they link to."""

    visitor: Visitor
    fleet: ClassVar[str] = "admin"
    agents: ClassVar[str] = "/admin/agents/agent/"

    def ask(self, action: str, reason: str = "") -> None:
        ours = f"{self.agents}?label=fleet%3D{self.fleet}"
        chosen = self._find(ours, r'name="_selected_action" value="(\d+)"')
        assert len(chosen) == AGENTS
        wish: dict[str, str | list[str]]
        wish = {"action": action, "_selected_action": chosen}
        page = self.visitor.post(ours, wish, form_at=ours)
        address = f"{self.agents}ask/{action}/"
        confirmation = FormParser(address)
        confirmation.feed(page)
        if confirmation.values:
            told = confirmation.values | {"reason": reason}
            page = self.visitor.post(address, told, form_at=ours)
        assert f"{AGENTS} asked." in page
        requests = "/admin/agents/request/"
        listed = f"?q={self.fleet}-&action__exact={action}&outcome__exact=done"
        until(
            lambda: f"{AGENTS} requests" in self.visitor.get(f"{requests}{listed}"),
            timeout=PATIENCE,
            every=0.1,
            what=f"{AGENTS} done requests to {action}",
        )

    def read(self, name: str) -> str:
        agent = self._find(f"{self.agents}?q={name}", rf'href="([^"]+)">{name}</a>')
        runs = self._find(agent[0], r'href="(/admin/agents/run/[^"]+)"')
        output = self._find(runs[0], rf'href="(/agents/{name}/output/\d+/\w+)"')
        return "".join(self.visitor.get(one) for one in output)

    def _find(self, page: str, pattern: str) -> list[str]:
        found = map(unescape, re.findall(pattern, self.visitor.get(page)))
        return list(dict.fromkeys(found))


@pytest.mark.parametrize("read", [3, pytest.param(AGENTS, marks=pytest.mark.full)])
def test_the_same_job_by_curl_by_command_and_in_the_admin_leaves_the_same_rows(
    hub: HubProcess, read: int
) -> None:
    """`read`: of how many the output is read, each by a command of its own."""
    define(hub, [Curl.fleet, Command.fleet, Admin.fleet])
    token = hub.manage("apitoken", "admin", "--name", "ci", "--scope", "operate")
    doors: list[Door] = [
        Curl(hub, token.stdout.strip()),
        Command(hub),
        Admin(Visitor(hub.url)),
    ]
    for door in doors:
        assert written_in_the_job(door, read) == [WRITTEN] * read, door.fleet
    by_curl, by_command, in_the_admin = (rows(hub, door.fleet) for door in doors)
    assert by_curl == by_command == in_the_admin
    # What was compared is the whole job, and came in by three doors.
    assert {table: len(found) // AGENTS for table, found in by_curl.items()} == {
        "request": 3,
        "run": 2,
        "statuschange": 7,
        "change": 7,
    }
    assert doors_of_requests(hub) == {
        "curl": "api: ci",
        "command": "command",
        "admin": "admin",
    }


def written_in_the_job(door: Door, most: int) -> list[str]:
    """Do all of it; what was read of so many agents in between."""

    def read(name: str) -> str:
        # It runs before it has written.
        def all_of_it() -> str:
            text = door.read(name)
            return text if len(text) >= len(WRITTEN) else ""

        return until(all_of_it, timeout=PATIENCE, what=f"{name} to have written")

    door.ask("start")
    with ThreadPoolExecutor(2) as readers:
        found = list(readers.map(read, names(door.fleet)[:most]))
    door.ask("restart")
    door.ask("stop", REASON)
    return found


def names(fleet: str) -> list[str]:
    return [f"{fleet}-{number:02d}" for number in range(1, AGENTS + 1)]


def define(hub: HubProcess, fleets: Iterable[str]) -> None:
    agents = [
        {"name": name, "command": PROGRAM, "labels": {"fleet": fleet}}
        for fleet in fleets
        for name in names(fleet)
    ]
    path = hub.home / "agents.json"
    path.write_text(json.dumps({"agents": agents}))
    done = hub.agents("import", str(path))
    assert done.returncode == 0, done.stderr


# What the database keeps


def rows(hub: HubProcess, fleet: str) -> Rows:
    """By table, each agent's rows in order, without what is their own.

    How often the supervisor writes while nothing is asked depends on how busy the
    machine is: of its changes in a row the last one counts.
    """
    found: Rows = {}
    with database(hub) as connection:
        lines: defaultdict[int, list[int]] = defaultdict(list)
        for pk, agent in connection.execute(
            "SELECT id, agent_id FROM agents_statuschange ORDER BY id"
        ):
            lines[agent].append(pk)
        for table, order in (
            ("request", "id"),
            ("run", "number"),
            ("statuschange", "id"),
            ("change", "seq"),
        ):
            query = (
                f"SELECT one.*, wanted_by FROM agents_{table} one JOIN agents_agent a"
                f" ON a.id = agent_id WHERE a.name LIKE ? ORDER BY a.name, one.{order}"
            )
            read = map(dict, connection.execute(query, (f"{fleet}-%",)))
            found[table] = [comparable(row, lines[row["agent_id"]]) for row in read]
    found["change"] = [list(same)[-1] for _, same in groupby(found["change"], kind)]
    return found


def comparable(row: dict[str, Any], lines: list[int]) -> dict[str, Any]:
    """`lines`: the ids of the agent's history, of which changes know the newest."""
    kept = {key: value for key, value in row.items() if key not in OWN}
    person = str(kept.pop("wanted_by"))
    for key, value in kept.items():
        if isinstance(value, str):
            text = value.replace(f"by {person}", "by somebody")
            kept[key] = re.sub(r"\bpid \d+", "a pid", text)
    if "history" in kept:
        kept["history"] = sum(pk <= kept["history"] for pk in lines)
    return kept | {"set": sorted(key for key in OWN & row.keys() if row[key])}


def kind(change: dict[str, Any]) -> str:
    return str(change["topic"])


def doors_of_requests(hub: HubProcess) -> dict[str, str]:
    with database(hub) as connection:
        query = "SELECT DISTINCT agent_name, via FROM agents_request ORDER BY id"
        return {name.split("-")[0]: via for name, via in connection.execute(query)}


@contextlib.contextmanager
def database(hub: HubProcess) -> Iterator[sqlite3.Connection]:
    address = f"file:{hub.data / 'agenthub.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection

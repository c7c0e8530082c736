"""A provider's key is in the requests to that provider, and nowhere else at all.

Two keys are planted in a real hub: one in a row, one in its environment. Both are used,
both are echoed by a server that refuses them, and then everything is searched; also for
a person's token and a run's, which are used as well and kept as hashes only.
"""

from __future__ import annotations

import base64
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from urllib.request import Request, urlopen

import pytest

from agents.services import tokens
from tests.harness.hub import HubProcess
from tests.harness.llm.answers import PLAIN, Refusal
from tests.harness.llm.aside import standing_in
from tests.harness.llm.chat import DeepSeekWire
from tests.harness.llm.openai import OpenAIWire
from tests.harness.llm.server import StandIn
from tests.harness.visitor import Visitor
from tests.harness.waiting import until

# With letters that look different in an address, in markup and in JSON.
OF_THE_ROW = "sk-row/planted+here&in<a>row'0123456789=="
OF_THE_ENVIRONMENT = "sk-env/planted+here&in<the>hub'9876543210=="
AGENTS = """
agents:
- name: teller
  command: [sh, -c, "env; cat /proc/self/environ; sleep 600"]
- {name: silent, command: [sleep, "600"]}
- {name: writer, kind: native_llm, provider: deepseek, model: model-1}
- {name: refused, kind: native_llm, provider: openai, model: model-1}
"""
ASK = """
from agents.models import Agent
from agents.services import tasks
from agents.services.lifecycle import Asker
for agent in Agent.objects.filter(kind="native_llm"):
    tasks.ask(agent.pk, tasks.Ask("Hello?"), Asker("the test", "test"))
"""


class KeyedHub(HubProcess):
    """A hub that was started with a key, for an address of the test's own."""

    openai_url = ""

    @property
    def environment(self) -> dict[str, str]:
        return {
            **super().environment,
            "OPENAI_API_KEY": OF_THE_ENVIRONMENT,
            "OPENAI_BASE_URL": self.openai_url,
        }


@dataclass
class Scene:
    """A hub whose two keys have been used, and what was seen on the way."""

    hub: KeyedHub
    texts: dict[str, str]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        database = self.hub.data / "agenthub.sqlite3"
        with contextlib.closing(sqlite3.connect(database)) as connection:
            return list(connection.execute(query))


def forms(key: str) -> dict[str, bytes]:
    """The key as it may stand somewhere; base64 in each of its three alignments."""
    raw = key.encode()
    found = {
        "raw": raw,
        "in an address": quote(key, safe="").encode(),
        "in a query": quote_plus(key).encode(),
        "in markup": key.replace("&", "&amp;").replace("<", "&lt;").encode(),
        "in hex": raw.hex().encode(),
        # Whoever escapes or cuts it in a way nobody thought of leaves this.
        "a part of it": raw[3:15],
    }
    for shift in range(3):
        # The letters at both ends depend on what stands beside the key.
        text = base64.b64encode(b"\0" * shift + raw)
        found[f"in base64, {shift}"] = text[4:-4]
    return found


NEEDLES = {
    f"{name} {form}": needle
    for name, key in (("row", OF_THE_ROW), ("environment", OF_THE_ENVIRONMENT))
    for form, needle in forms(key).items()
}


# Only the hub that has made them knows them: `_use_the_tokens` adds them.
TOKENS: dict[str, bytes] = {}


def traces(where: str, content: bytes) -> list[str]:
    wanted = {**NEEDLES, **TOKENS}
    return [
        f"{form} key in {where}" for form, text in wanted.items() if text in content
    ]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("secrecy")
    echo = Refusal(401, text=f"Incorrect API key provided: {OF_THE_ENVIRONMENT}")
    hub = KeyedHub(root)
    with (
        standing_in(DeepSeekWire(), PLAIN, PLAIN) as row,
        standing_in(OpenAIWire(), echo, echo) as environment,
    ):
        hub.openai_url = environment.url
        try:
            hub.start()
            scene = Scene(hub, {})
            _use_the_keys(scene, root, row, environment)
            _use_the_tokens(scene)
            yield scene
        finally:
            TOKENS.clear()
            hub.close()


def _use_the_keys(scene: Scene, root: Path, row: StandIn, other: StandIn) -> None:
    hub = scene.hub
    key, agents = root / "key", root / "agents.yaml"
    key.write_text(OF_THE_ROW)
    agents.write_text(AGENTS)
    # Set and tested from the command line, then set and tested from the admin.
    line = ["provider", "deepseek", "--key-from", str(key), "--base-url", row.url]
    scene.texts["the command"] = _all_of(hub, *line, "--test")
    visitor = Visitor(hub.url)
    numbers = dict(scene.rows("SELECT name, id FROM agents_provider"))
    for name in ("deepseek", "openai"):
        page = f"/admin/agents/provider/{numbers[name]}"
        if name == "deepseek":
            values = {"key": OF_THE_ROW, "base_url": row.url, "default_model": "m"}
            scene.texts["the form"] = visitor.post(
                f"{page}/change/", values, form_at=f"{page}/change/"
            )
        scene.texts[f"the button {name}"] = visitor.post(
            f"{page}/check/", {}, form_at=f"{page}/change/"
        )
    waiting = "SELECT name FROM agents_provider WHERE check_asked_at IS NOT NULL"
    until(lambda: not scene.rows(waiting), timeout=30, what="the tests' end")
    # Used by agents: one answers, one is refused.
    scene.texts["import"] = _all_of(hub, "import", str(agents))
    assert hub.agents("start", "--all", "--wait", "20").returncode == 0
    assert hub.manage("shell", "-c", ASK).returncode == 0
    ended = "SELECT state FROM agents_task WHERE ended_at IS NOT NULL"
    until(lambda: scene.rows(ended), timeout=30, what="an answer")
    refused = "SELECT 1 FROM agents_agent WHERE name = 'refused' AND status = 'crashed'"
    until(lambda: scene.rows(refused), timeout=30, what="the refused agent's end")
    assert len(row.requests) >= 3 and len(other.requests) >= 2
    assert all(OF_THE_ROW in str(one.headers.values()) for one in row.requests)
    sent = (str(one.headers.values()) for one in other.requests)
    assert all(OF_THE_ENVIRONMENT in headers for headers in sent)
    for command in ("providers", "export", "status", "history teller"):
        scene.texts[f"agents {command}"] = _all_of(hub, *command.split(), "--json")


def _use_the_tokens(scene: Scene) -> None:
    hub = scene.hub
    pid = next(pid for pid in hub.survivors() if _is_of(pid, "silent"))
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    given = dict(one.partition(b"=")[::2] for one in environment.split(b"\0"))
    made = hub.manage("apitoken", "admin", "--scope", "operate")
    scene.texts["apitoken's other words"] = made.stderr
    scene.texts["apitoken --list"] = hub.manage("apitoken", "--list").stdout
    secrets = {
        "a run's token": given[b"AGENTHUB_TOKEN"].decode(),
        "a person's token": made.stdout.strip(),
    }
    for name, secret in secrets.items():
        request = Request(
            f"{hub.url}/api/v1/agents/silent",
            headers={"Authorization": f"Bearer {secret}"},
        )
        with urlopen(request, timeout=10) as answer:
            scene.texts[f"the API, by {name}"] = answer.read().decode()
        TOKENS.update({f"{name} {form}": text for form, text in forms(secret).items()})
    hashes = dict(scene.rows("SELECT token_hash, agent_name FROM agents_run"))
    assert hashes[tokens.hash_of(secrets["a run's token"])] == "silent"


def _is_of(pid: int, agent: str) -> bool:
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    return f"\0AGENTHUB_AGENT={agent}\0".encode() in b"\0" + environment


def _all_of(hub: HubProcess, *arguments: str) -> str:
    done = hub.agents(*arguments)
    return done.stdout + done.stderr


def test_what_was_said_on_the_way_has_no_key(scene: Scene) -> None:
    assert "names 2 models" in scene.texts["the command"]
    assert '"key": "OPENAI_API_KEY"' in scene.texts["agents providers"]
    found = [
        t for name, text in scene.texts.items() for t in traces(name, text.encode())
    ]
    assert found == []


def test_no_column_of_any_table_has_a_key(scene: Scene) -> None:
    tables = scene.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    content = {
        str(name): "\n".join(map(str, scene.rows(f'SELECT * FROM "{name}"'))).encode()
        for (name,) in tables
    }
    assert len(content) > 20
    # What the refusing server said is there, with the key cut out of it.
    assert b"Incorrect API key provided: \xe2" in content["agents_provider"]
    found = [trace for table, text in content.items() for trace in traces(table, text)]
    assert found == []


def test_no_file_of_the_data_directory_and_no_log_has_a_key(scene: Scene) -> None:
    folders = (scene.hub.data, scene.hub.home)
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    content = {str(path): path.read_bytes() for path in [*paths, scene.hub.log]}
    # The search does see what is written: the agent's own words, and the tables.
    assert any(b"AGENTHUB_AGENT=teller" in text for text in content.values())
    assert any(b"test of the provider openai" in text for text in content.values())
    found = [trace for path, text in content.items() for trace in traces(path, text)]
    assert found == []


def test_no_page_that_can_be_reached_has_a_key(scene: Scene) -> None:
    pages = dict(Visitor(scene.hub.url).crawl("/", "/admin/"))
    number = dict(scene.rows("SELECT name, id FROM agents_provider"))["deepseek"]
    page = f"/admin/agents/provider/{number}"
    for path in (f"{page}/change/", f"{page}/history/", "/agents/writer/"):
        assert path in pages
    assert "Set here" in pages[f"{page}/change/"]
    assert "Asked for a test" in pages[f"{page}/history/"]
    found = [t for path, text in pages.items() for t in traces(path, text.encode())]
    assert found == []


def test_no_process_of_an_agent_is_given_a_key_or_the_token_of_another(
    scene: Scene,
) -> None:
    everyone = scene.hub.survivors()
    living = [pid for pid in everyone if not _is_of(pid, "silent")]
    assert len(living) < len(everyone)
    environments = {
        f"process {pid}": Path(f"/proc/{pid}/environ").read_bytes() for pid in living
    }
    assert any(b"AGENTHUB_AGENT=teller" in text for text in environments.values())
    found = [trace for pid, text in environments.items() for trace in traces(pid, text)]
    assert found == []


def test_the_search_finds_a_key_in_every_form() -> None:
    for form, needle in NEEDLES.items():
        assert f"{form} key in a text" in traces("a text", b"before " + needle)
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + OF_THE_ROW.encode() + b"and more")
        assert any("in base64" in trace for trace in traces("a text", text))

"""Every fenced block of docs/api.md and docs/recipes.md is run, as it stands there.

A document is one sitting: its blocks run one after the other in one shell, with a hub
and its demo agents. What differs from the reader's own machine is the port, and which
Python runs `manage.py`. What each block has to print is said here.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.harness.hub import MANAGE, ROOT, HubProcess

ADDRESS: Final = "http://127.0.0.1:8000"
COMMAND: Final = ".venv/bin/python manage.py"
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING: Final = re.compile(r"^##+ (.+)$", re.MULTILINE)
MARK: Final = "=== block "
# A call that is answered by a problem fails, which a reader would see.
CURL: Final = "fail-with-body\nsilent\nshow-error\n"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and below which heading it stands."""

    heading: str
    language: str
    text: str


def scrape(hub: HubProcess, text: str) -> None:
    """Do what Prometheus does with this part of its configuration."""
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (group,) = job["static_configs"]
    (target,) = group["targets"]
    assert f"http://{target}" == ADDRESS
    assert set(job["authorization"]) == {"credentials_file"}
    made = hub.manage("apitoken", "admin", "--name", "prometheus", "--scope", "view")
    bearer = {"Authorization": f"Bearer {made.stdout.strip()}"}
    with urlopen(Request(hub.url + job["metrics_path"], headers=bearer)) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"# TYPE agenthub_" in answer.read()


# What is no program and is used by one, by its heading and language.
OTHERWISE: Final[dict[str, Callable[[HubProcess, str], None]]] = {
    "Scrape the figures yaml": scrape,
}
# What each block prints, by its heading and language: a pattern for all of it.
PRINTED: Final = {
    "Six lines to begin with sh": (
        r'\{"total_agents": 4.*"status": "running".*"data": "\S.*"status": "stopped"'
    ),
    "To begin with sh": r'"total_agents": 4',
    "Make twenty agents sh": r'"name": "searcher-1".*"next": "',
    "Start all agents of a label, and wait until they run sh": r"\A20 run\Z",
    "Ask an agent, and wait for the result sh": r'"state": "succeeded"',
    "Write to a program sh": r'"run": 1, "bytes": 6',
    "Follow what an agent writes sh": r"\A\Z",
    "Follow what an agent writes python": (
        r"\Aline 1\nline 2\nline 3\nline 4\nline 5\Z"
    ),
    "Act when something happens python": r"stopped -> starting .*-> stopped completed",
    "Send it again, safely sh": r"(?i)\Aidempotency-replayed: true\Z",
    "An agent that says what it does sh": r'\A"activity": "working"\Z',
    "Scrape the figures sh": r'agenthub_agents\{.*status="running".*\} 2\d',
    "Rotate a token sh": r"\Athe new one is taken\nthe old one is not\Z",
    "Tidy up sh": r'\{"items": \[\], "next": null\}',
}


def blocks(name: str) -> list[Block]:
    """Those of a document, in order."""
    text = (ROOT / "docs" / name).read_text()
    found = []
    for fence in FENCE.finditer(text):
        headings = HEADING.findall(text[: fence.start()])
        found.append(Block(headings[-1], fence[1], fence[2]))
    return found


@dataclass(frozen=True, slots=True)
class Sitting:
    """A hub, and somebody at a shell who reads a document."""

    hub: HubProcess

    def read(self, found: list[Block]) -> list[str]:
        """Run them; what each has printed."""
        lines = ["set -e"]
        for number, block in enumerate(found):
            lines += [f"echo; echo '{MARK}{number}'", self._as_shell(number, block)]
        script = self.hub.home / "sitting.sh"
        script.write_text("\n".join(lines))
        (self.hub.home / ".curlrc").write_text(CURL)
        done = self.hub.run("bash sitting.sh", timeout=240)
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        parts = re.split(rf"^{MARK}\d+$", done.stdout, flags=re.MULTILINE)
        return [one.strip() for one in parts[1:]]

    def _as_shell(self, number: int, block: Block) -> str:
        text = block.text.replace(ADDRESS, self.hub.url)
        if block.language == "sh":
            python = shlex.join([sys.executable, str(MANAGE)])
            return text.replace(COMMAND, python)
        path = self.hub.home / f"block-{number}.py"
        path.write_text(text)
        return f"{shlex.quote(sys.executable)} {path}"


@pytest.fixture
def sitting(tmp_path: Path) -> Iterator[Sitting]:
    hub = HubProcess(tmp_path, "--host", "127.0.0.1")
    try:
        yield Sitting(hub.start())
    finally:
        hub.close()


@pytest.mark.parametrize("name", ["api.md", "recipes.md"])
def test_every_block_does_what_its_document_says(sitting: Sitting, name: str) -> None:
    found = blocks(name)
    run = [one for one in found if one.language in ("sh", "python")]
    assert run, "there is something to run"
    for block, printed in zip(run, sitting.read(run), strict=True):
        expected = PRINTED[f"{block.heading} {block.language}"]
        assert re.search(expected, printed, re.DOTALL), f"{block.heading}:\n{printed}"
    for block in found:
        if block not in run:
            OTHERWISE[f"{block.heading} {block.language}"](sitting.hub, block.text)

"""PM2, where node has it: one app for each agent, driven through its own client."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench import processes
from bench.agents import Agent
from bench.contestants.contestant import AT_THE_DOOR, Ground
from bench.conversation import Conversation

CLIENT: Final = Path(__file__).parents[1] / "clients" / "pm2_client.js"
# How many agents it handles at a time: two by default.
AT_A_TIME: Final = 100
FOR_EVER: Final = 10**9


class Pm2:
    """In its fastest sane set-up: many actions at a time, nothing traced or watched."""

    name = "pm2"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._home = ground.directory / "pm2"
        self._apps = ground.directory / "apps.json"
        self._talk: Conversation | None = None

    def prepare(self) -> None:
        self._apps.write_text(json.dumps([self._app(a) for a in self._ground.agents]))
        environment = {
            "HOME": str(self._ground.directory),
            "NODE_PATH": str(modules()),
            "PATH": os.environ["PATH"],
            "PM2_CONCURRENT_ACTIONS": str(AT_A_TIME),
            "PM2_HOME": str(self._home),
            "PM2_KILL_SIGNAL": "SIGTERM",
        }
        log = self._ground.directory / "log"
        client = ["node", str(CLIENT), str(self._apps)]
        self._talk = Conversation(client, log, env=environment)

    def _app(self, agent: Agent) -> dict[str, Any]:
        program, *words = self._ground.argv(agent)
        output = str(self.output(agent))
        return {
            "name": agent.name,
            "script": program,
            "args": words,
            "interpreter": "none",
            "cwd": str(self._ground.directory),
            "out_file": output,
            "error_file": output,
            "merge_logs": True,
            "autorestart": agent.restart,
            "max_restarts": FOR_EVER,
            "kill_timeout": int(agent.grace * 1000),
            # It would run `ps` for each stop; these agents have no children.
            "treekill": False,
            "pmx": False,
            "vizion": False,
        }

    def launch(self) -> None:
        self._ask("launch")

    def connect(self) -> None:
        """Launching has connected it."""

    def _ask(self, word: str, timeout: float = 120.0) -> Any:
        assert self._talk is not None, "It has not been prepared."
        line = self._talk.ask(word, timeout)
        while not line.startswith("answer "):
            line = self._talk.hear(timeout)
        return json.loads(line.removeprefix("answer "))

    @property
    def pid(self) -> int:
        return int((self._home / "pm2.pid").read_text())

    def kill9(self) -> None:
        processes.kill(self.pid)

    def start_all(self) -> None:
        self._ask("start")

    def stop_all(self) -> None:
        self._ask("stop")

    def recorded(self, running: bool) -> bool:
        return False

    def known(self) -> set[int]:
        return set(self._ask("pids"))

    def doors(self) -> Mapping[str, Callable[[], object]]:
        return {"status": lambda: self._ask("status", AT_THE_DOOR)}

    def output(self, agent: Agent) -> Path:
        return self._ground.output(agent)

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()
        if (self._home / "pm2.pid").exists():
            processes.kill(self.pid)


def modules() -> Path:
    """Where `make bench` installs it, if there is npm."""
    return Path(sys.prefix) / "bench-pm2" / "node_modules"


def why_not() -> str:
    """Why it cannot be measured here; empty if it can."""
    if shutil.which("node") is None:
        return "there is no node"
    if not (modules() / "pm2").exists():
        return "it is not installed; `make bench` does that where there is npm"
    return ""

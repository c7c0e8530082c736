"""AgentHub as a user has it: `manage.py hub` on SQLite, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.agents import Agent
from bench.contestants import daemon
from bench.contestants.browser import Browser
from bench.contestants.contestant import AT_THE_DOOR, Ground
from bench.conversation import Conversation

ROOT: Final = Path(__file__).parents[2]
PASSWORD: Final = "what the bench signs in with"


class AgentHub(daemon.Daemon):
    """Asked by a client that has Django loaded, as the pages have it."""

    name = "AgentHub"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._data = ground.directory / "data"
        self._token = ""
        self.port = daemon.free_port()
        self._talk: Conversation | None = None
        self._browser: Browser | None = None

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "AGENTHUB_ADMIN_PASSWORD": PASSWORD,
            "AGENTHUB_DATA_DIR": str(self._data),
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
            "HOME": str(self.ground.directory),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }

    def prepare(self) -> None:
        client = [sys.executable, "-m", "bench.clients.agenthub_client"]
        self._talk = Conversation(client, self.log, ROOT, self._environment)
        self._ask("found")
        setups = self.ground.directory / "agents.yaml"
        agents = [self._setup(agent) for agent in self.ground.agents]
        setups.write_text(json.dumps({"agents": agents}))
        self._manage("agents", "import", str(setups))
        self._ask("start")

    def _setup(self, agent: Agent) -> dict[str, Any]:
        return {
            "name": agent.name,
            "command": self.ground.argv(agent),
            "auto_restart": "always" if agent.restart else "never",
            "max_restarts": None,
            "backoff_initial": 0,
            "stop_grace": agent.grace,
        }

    @property
    def token(self) -> str:
        """With which a program may look; made when it is first asked for."""
        if not self._token:
            self._token = self._new_token("view")
        return self._token

    def token_to_operate(self) -> str:
        """A new one, with which a program may also take locks."""
        return self._new_token("operate")

    def _new_token(self, scope: str) -> str:
        return self._manage("apitoken", "admin", "--scope", scope).strip()

    def _manage(self, *words: str) -> str:
        """What it prints; RuntimeError if it fails."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=daemon.PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {' '.join(words)}: {done.stderr}")
        return done.stdout

    def launch(self) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), "hub", "--no-demo"]
        command += ["--port", str(self.port), "--host", "127.0.0.1"]
        self.spawn(command, ROOT, self._environment)

    def connect(self) -> None:
        """Return once the pages answer a person who has signed in."""
        browser = Browser("127.0.0.1", self.port, AT_THE_DOOR)
        daemon.until_answered(browser.greet)
        browser.sign_in("admin", PASSWORD)
        self._browser = browser

    def _ask(self, word: str) -> Any:
        assert self._talk is not None, "It has not been prepared."
        return json.loads(self._talk.ask(word, timeout=150.0))

    def start_all(self) -> None:
        self._ask("start")

    def stop_all(self) -> None:
        self._ask("stop")

    def recorded(self, running: bool) -> bool:
        if not self._ask("running" if running else "stopped"):
            raise TimeoutError("The rows of some agents do not say what was asked.")
        return True

    def known(self) -> set[int]:
        return set(self._ask("pids"))

    def doors(self) -> Mapping[str, Callable[[], object]]:
        browser = self._browser
        assert browser is not None, "It is not connected."
        first = self.ground.agents[0].name
        return {
            "status": lambda: browser.get(f"/agents/{first}/"),
            "page of all": lambda: browser.get("/agents/"),
        }

    def output(self, agent: Agent) -> Path:
        folders: dict[str, str] = self._ask("outputs")
        return self._data / "runs" / folders[agent.name] / "out"

    def close(self) -> None:
        if self._talk is not None:
            self._talk.close()
        super().close()

"""A hub with native agents, asked by a process that has Django loaded: this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.contestants.daemon import free_port

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 600.0


class Hub:
    """Runs while it is entered; its agents ask the server at `url`."""

    def __init__(self, directory: Path, url: str) -> None:
        os.environ["AGENTHUB_DATA_DIR"] = str(directory)
        os.environ["AGENTHUB_ADMIN_PASSWORD"] = "of no importance here"
        os.environ["DJANGO_SETTINGS_MODULE"] = "agenthub.settings"
        import django

        django.setup()
        self._url, self._log = url, directory / "log"
        self._ids: list[int] = []

    def __enter__(self) -> Self:
        from agents.models import Provider
        from agents.services import nodes, providers

        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True)
        providers.save(Provider(name="here", kind="compatible", base_url=self._url))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*manage, "hub", "--no-demo", "--port", str(free_port())],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid
        _until(nodes.is_supervised, "the hub")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        if error is not None:
            print(self._log.read_text(errors="replace")[-2000:], file=sys.stderr)

    def begin(self, count: int) -> None:
        """So many more agents; back when all run."""
        from agents.models import Agent
        from agents.policy.states import Action
        from agents.services import lifecycle, setups
        from agents.services.lifecycle import Asker

        for _ in range(count):
            agent = Agent(
                name=f"a{len(self._ids):03}",
                kind="native_llm",
                provider="here",
                model="m",
            )
            setups.save(agent)
            self._ids.append(agent.pk)
        lifecycle.ask(Action.START, self._ids[-count:], Asker("bench", "bench"))
        running = Agent.objects.filter(status="running")
        _until(lambda: running.count() == len(self._ids), "all to run")

    def work(self) -> float:
        """One task for each; the seconds until all have succeeded."""
        from agents.models import Task
        from agents.services import tasks
        from agents.services.lifecycle import Asker
        from agents.services.tasks import Ask

        begin = time.monotonic()
        for agent_id in self._ids:
            tasks.ask(agent_id, Ask("work"), Asker("bench", "bench"))
        done = Task.objects.filter(state="succeeded")
        _until(lambda: done.count() == len(self._ids), "all tasks to succeed")
        return time.monotonic() - begin


def _until(condition: Callable[[], bool], what: str) -> None:

    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"Waited {PATIENCE:g} s for {what}.")
        time.sleep(0.25)

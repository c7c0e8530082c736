"""Native agents for tests: on the demo provider, or on a stand-in server's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.models import Provider, Step, Task, Usage
from agents.policy.states import Action, Status
from agents.services import tasks
from agents.services.tasks import Ask
from tests.harness.supervisor import TEST, Actor, Cast
from tests.harness.waiting import until


@dataclass
class Native(Actor):
    """A native agent, and its tasks."""

    workspace: Path = Path()

    def start_native(self) -> Native:
        """Ask for a start; wait until it runs."""
        self.ask(Action.START)
        self.wait_for(Status.RUNNING)
        return self

    def do(self, prompt: str, **wanted: Any) -> Work:
        """Ask for work."""
        task, _ = tasks.ask(self.row.pk, Ask(prompt, **wanted), TEST)
        return Work(task)


@dataclass
class Work:
    """One task and its rows."""

    row: Task

    def look(self) -> Task:
        self.row.refresh_from_db()
        return self.row

    def wait_for(self, *states: str, timeout: float = 15.0) -> Task:
        try:
            until(
                lambda: self.look().state in states,
                timeout=timeout,
                what=f"task {self.row.pk} to be {' or '.join(states)}",
            )
        except AssertionError as error:
            error.add_note(f"{self.row.state}: {self.row.reason} {self.kinds()}")
            raise
        return self.row

    def steps(self) -> list[Step]:
        return list(Step.objects.filter(task=self.row).order_by("number"))

    def kinds(self) -> list[str]:
        return [step.kind for step in self.steps()]

    def results(self) -> list[dict[str, Any]]:
        return [step.data for step in self.steps() if step.kind == "result"]

    def usage(self) -> list[Usage]:
        return list(Usage.objects.filter(task=self.row).order_by("id"))


def native(cast: Cast, name: str = "thinker", **setup: Any) -> Native:
    """An agent on the demo provider with a workspace of its own."""
    for kind in ("demo", "anthropic"):  # Whoever flushed the tables took them along.
        Provider.objects.get_or_create(name=kind, defaults={"kind": kind})
    workspace = cast.root / f"{name}-workspace"
    workspace.mkdir(exist_ok=True)
    values: dict[str, Any] = {
        "kind": "native_llm",
        "provider": "demo",
        "workspace": str(workspace),
        "env": {},
    }
    actor = cast.command([], name=name, **(values | setup))
    return Native(actor.row, actor.marker, workspace=workspace)

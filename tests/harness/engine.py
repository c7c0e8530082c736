"""The engine's part, played: a run that claims tasks, commits steps and says words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from agents.models import Agent, Run, Task
from agents.policy.live_text import Pen
from agents.policy.tasks import TaskState
from agents.services import tasks, work
from agents.services.lifecycle import Asker
from agents.services.prices import Tokens
from agents.services.steps import StepData
from agents.services.tasks import Ask
from agents.services.work import Booking, Claimed
from tests.harness.recorded import run_of

BOB = Asker("bob", "page")


def thinker(name: str = "thinker", **columns: Any) -> Agent:
    """A native agent on the demo provider."""
    setup = {"kind": "native_llm", "adapter": "native", "provider": "demo"}
    return Agent.objects.create(name=name, **{**setup, **columns})


def asked(agent: Agent, prompt: str = "What is here?", **wanted: Any) -> Task:
    """A task, as a page records it."""
    return tasks.ask(agent.pk, Ask(prompt, **wanted), BOB)[0]


def said(text: str = "", *, thinking: str = "", calls: Sequence[str] = ()) -> StepData:
    """An answer of a model."""
    called = [{"id": name, "name": name, "arguments": {}} for name in calls]
    data = {
        "text": text,
        "thinking": thinking,
        "calls": called,
        "native": [],
        "stop": "",
    }
    return StepData("answer", data)


@dataclass
class Engine:
    """A run of one agent, and the task that it works on."""

    run: Run
    task: Claimed
    pen: Pen

    @classmethod
    def at_work(cls, task: Task) -> Engine:
        """The agent has begun, and taken up its task."""
        agent = Agent.objects.get(tasks=task)
        run = agent.run or run_of(agent)
        (claimed,) = work.claim(agent.pk, run.pk, 1)
        assert claimed.id == task.pk
        return cls(run, claimed, Pen())

    @property
    def file(self) -> Path:
        """Where the answer is that is being given."""
        runs = Path(settings.AGENTHUB_DATA_DIR) / "runs"
        return runs / self.run.folder / f"task-{self.task.id}"

    def begin(self) -> None:
        self._append(self.pen.begin())

    def say(self, text: str) -> None:
        self._append(self.pen.text(text))

    def think(self, text: str) -> None:
        self._append(self.pen.thinking(text))

    def commit(self, *steps: StepData, tokens: Tokens | None = None, **by: Any) -> None:
        """Steps, and what they have used."""
        bookings = []
        if tokens is not None:
            paid = {"provider": "demo", "kind": "demo", "model": "demo", **by}
            bookings = [Booking(step=9, attempt=1, tokens=tokens, **paid)]
        work.commit(self.task, steps, bookings)

    def end(self, state: TaskState = TaskState.SUCCEEDED, **how: Any) -> None:
        reason = how.pop("reason", "the agent has answered")
        assert work.end(self.task, state, reason, **how)

    def _append(self, data: bytes) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("ab") as file:
            file.write(data)

"""What a native agent writes into its run's files: a log for people, and live text.

`out` is the log, like any program's output. `task-<id>` has the words of the answer
that is being given, in the encoding of `agents.policy.live_text`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agents.execution.writing import Writer
from agents.policy import live_text
from agents.services.steps import StepData

LONGEST: Final = 400


class Log:
    """One run's files."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        self._folder, self._writer = folder, writer

    def pen(self, task_id: int) -> Pen:
        """Writes the live text of a task."""
        return Pen(self._folder / f"task-{task_id}", self._writer)

    def say(self, text: str) -> None:
        """One line with its time."""
        line = " ".join(text.split())
        if len(line) > LONGEST:
            line = line[:LONGEST] + "…"
        now = datetime.now(UTC).strftime("%H:%M:%S")
        data = f"{now} {line}\n".encode("utf-8", "replace")
        self._writer.append(self._folder / "out", data)

    def task_begins(self, task_id: int, prompt: str) -> None:
        """A task is taken up."""
        self.say(f"task {task_id}: {prompt}")

    def step(self, task_id: int, step: StepData) -> None:
        """A step is committed."""
        data = step.data
        match step.kind:
            case "answer":
                calls = ", ".join(call["name"] for call in data["calls"])
                said = data["text"] or (f"calls {calls}" if calls else "says nothing")
                self.say(f"task {task_id}: {said}")
            case "call":
                self.say(f"task {task_id}: {data['name']} {data['arguments']}")
            case "result":
                tone = "failed: " if data["error"] else ""
                self.say(f"task {task_id}: {data['name']} {tone}{data['text']}")
            case "note":
                self.say(f"task {task_id}: {data['text']}")

    def task_ends(self, task_id: int, state: str, reason: str) -> None:
        """A task is over for now."""
        self.say(f"task {task_id} {state}: {reason}" if reason else f"task {task_id}")


class Pen:
    """Writes one task's live text."""

    def __init__(self, path: Path, writer: Writer) -> None:
        self._path, self._writer = path, writer
        self._pen = live_text.Pen()

    def begin(self) -> None:
        """An answer begins, or begins anew."""
        self._writer.append(self._path, self._pen.begin())

    def write(self, text: str, *, thinking: bool = False) -> None:
        """A piece of it."""
        data = self._pen.thinking(text) if thinking else self._pen.text(text)
        self._writer.append(self._path, data)

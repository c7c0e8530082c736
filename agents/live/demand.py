"""What the open pages need rendered, and what was rendered for them and programs.

Frozen values that pass between the event loop and the editor's thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from agents.live.places import Place, Told
from agents.live.subscription import TaskPosition
from agents.services.output import Cursor


@dataclass(frozen=True, slots=True)
class LogDemand:
    """A reader of a run's output; two readers at the same place are one demand.

    Run 0 is before an agent's first: there is nothing to read yet.
    """

    agent_id: int
    name: str
    run: int
    folder: str
    out: Cursor
    err: Cursor


@dataclass(frozen=True, slots=True)
class LogStep:
    """What a reader gets next, and where it is then."""

    html: str
    after: LogDemand


@dataclass(frozen=True, slots=True)
class TaskStep:
    """What the reader of a transcript gets next, and where it is then."""

    html: str
    after: TaskPosition


@dataclass(frozen=True, slots=True)
class Demand:
    """What one page shows; `operator`: whether its person may act."""

    operator: bool
    overview: bool = False
    agents: bool = False
    registry: bool = False
    ids: frozenset[int] = frozenset()
    agent_id: int | None = None
    log: LogDemand | None = None
    tasks: bool = False
    task_ids: frozenset[int] = frozenset()
    task: int = 0
    # Two readers at the same place of a transcript are one demand.
    transcript: TaskPosition | None = None
    batches: bool = False
    locks: bool = False
    barriers: bool = False
    batch: int = 0

    @property
    def rows(self) -> frozenset[int]:
        """The agents it shows as rows of the list."""
        return self.ids if self.agents else frozenset()

    @property
    def records(self) -> frozenset[int]:
        """The agents it shows as rows of the registry."""
        return self.ids if self.registry else frozenset()

    def reading(self, log: LogDemand) -> Demand:
        """The same page, further on in the output."""
        return replace(self, log=log)

    def following(self, transcript: TaskPosition) -> Demand:
        """The same page, further on in the transcript."""
        return replace(self, transcript=transcript)

    @property
    def tiles(self) -> frozenset[int]:
        """The agents it shows as tiles of the overview."""
        return self.ids if self.overview else frozenset()


# What a fragment shows: its kind, which agent or task (0: all), and for whom.
Key = tuple[str, int, bool]


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything that one tick has rendered, each fragment once.

    `ids`: every agent there is, when that may have changed. `numbers`: CPU and memory
    by agent, when they are due. `newest_tasks`: some of the latest, likewise. `told`:
    what programs are told next, by where they are.
    """

    seq: int
    fragments: Mapping[Key, str] = field(default_factory=dict)
    ids: frozenset[int] | None = None
    numbers: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    logs: Mapping[LogDemand, LogStep] = field(default_factory=dict)
    newest_tasks: tuple[int, ...] | None = None
    transcripts: Mapping[TaskPosition, TaskStep] = field(default_factory=dict)
    told: Mapping[Place, Told] = field(default_factory=dict)

    def __bool__(self) -> bool:
        lists = (self.ids, self.newest_tasks)
        made = (self.fragments, self.numbers, self.logs, self.transcripts, self.told)
        return any(made) or any(one is not None for one in lists)

    def for_page(self, demand: Demand) -> str:
        """The fragments of what this page shows, as one text."""
        wanted: list[Key] = [("supervisor", 0, False), ("brake", 0, demand.operator)]
        if demand.overview:
            wanted += [(name, 0, False) for name in ("summary", "schedules", "lately")]
            wanted.append(("attention", 0, demand.operator))
            wanted += [("tile", one, False) for one in sorted(demand.ids)]
        if demand.agents:
            wanted.append(("counts", 0, False))
        if demand.agent_id is not None:
            wanted.append(("agent", demand.agent_id, demand.operator))
            wanted.append(("figures", demand.agent_id, False))
        if demand.tasks:
            wanted.append(("task-counts", 0, False))
        if demand.task:
            wanted.append(("task", demand.task, demand.operator))
        if demand.locks:
            wanted.append(("locks", 0, demand.operator))
        if demand.barriers:
            wanted.append(("barriers", 0, demand.operator))
        if demand.batches:
            wanted.append(("batches", 0, False))
        if demand.batch:
            wanted.append(("batch", demand.batch, demand.operator))
            wanted.append(("batch-items", demand.batch, False))
        rows = self._joined(
            ("row", one, demand.operator) for one in sorted(demand.rows)
        )
        rows += self._joined(("record", one, False) for one in sorted(demand.records))
        rows += self._joined(("task-row", one, False) for one in demand.task_ids)
        # Outside of a table, a browser's parser drops rows.
        table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
        return self._joined(wanted) + table

    def _joined(self, keys: Iterable[Key]) -> str:
        return "".join(self.fragments[key] for key in keys if key in self.fragments)

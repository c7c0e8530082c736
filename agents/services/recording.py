"""What happened: the supervisor's observations, many agents in one transaction.

Only a supervisor that holds its node's lock enters, and `registry` with agents that
none looks after. Each update is conditional
on the status it departs from; a row that does not match is an error, not a guess.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from agents.models import Agent, Request, Run, StatusChange
from agents.models.run import run_folder
from agents.policy.clock import Moment
from agents.policy.states import ImpossibleChange, Outcome, Status, check_change
from agents.services import changes, run_ends
from agents.services.bulk import insert_many, update_many


@dataclass(frozen=True, slots=True)
class Condition:
    """Something beside the status that a person should know."""

    type: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class Observed:
    """All that is seen of one agent: the observed columns of its row.

    `recent_exits` are seconds on the boot clock of `exits_boot`.
    """

    status: Status
    since: datetime
    reason: str
    source: str
    conditions: tuple[Condition, ...] = ()
    generation: int = 0
    run_id: uuid.UUID | None = None
    run_revision: int | None = None
    pid: int | None = None
    restart_count: int = 0
    restarts_total: int = 0
    exits_boot: str = ""
    recent_exits: tuple[float, ...] = ()
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    retry_at: datetime | None = None
    retry: Moment | None = None


@dataclass(frozen=True, slots=True)
class RunOpened:
    """A run about to be spawned: its row is committed first.

    `token_hash`: of what its processes are given; empty if they are given none.
    """

    id: uuid.UUID
    agent_id: int
    agent_name: str
    number: int
    generation: int
    restart_number: int
    revision: int
    setup: Mapping[str, Any]
    boot: str
    created_at: datetime
    token_hash: str = ""

    @property
    def folder(self) -> str:
        """Where its files will be, below the `runs` directory."""
        return run_folder(self.agent_name, self.number, self.id)


@dataclass(frozen=True, slots=True)
class RunChange:
    """New values for some columns of a run."""

    run_id: uuid.UUID
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of the open request up to a generation."""

    generation: int
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to one agent, recorded whole or not at all.

    `note`: also write a StatusChange though the status stays; `told`, `told_by`: with
    this reason and source instead of the status's own. `base`: what the columns hold
    before, if that is known for certain; then only what differs is written.
    """

    agent_id: int
    agent_name: str
    before: Status
    after: Observed
    actor: str = ""
    note: bool = False
    opened: RunOpened | None = None
    run_changes: tuple[RunChange, ...] = ()
    settled: Settlement | None = None
    told: str = ""
    told_by: str = ""
    base: Observed | None = None


class LostRow(RuntimeError):
    """A row was not as this supervisor left it: somebody else wrote it."""


def record(steps: Sequence[Step]) -> None:
    """Write the steps in one transaction; an agent's own in the order given.

    Raises LostRow (and writes nothing) when an agent's status is not the one its
    first step departs from, and ImpossibleChange when a step does not depart from
    where the one before it ended.
    """
    if not steps:
        return
    chains: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        check_change(step.before, step.after.status)
        chain = chains[step.agent_id]
        if chain and chain[-1].after.status is not step.before:
            raise ImpossibleChange(
                f"{step.agent_name}: a step departs from {step.before}, and the one "
                f"before it ended in {chain[-1].after.status}"
            )
        chain.append(step)
    with transaction.atomic():
        _write_runs(steps)
        _update_agents([(chain[0], chain[-1]) for chain in chains.values()])
        insert_many(
            StatusChange,
            _STATUS_CHANGE,
            [
                _status_change(step)
                for step in steps
                if step.note or step.before is not step.after.status
            ],
        )
        _settle(steps)
        changes.append(changes.AGENT, chains)
        run_ends.told(_ended(steps))


def _ended(steps: Sequence[Step]) -> list[uuid.UUID]:
    """The runs of which no process is left: who waits for their locks has them now."""
    told = [change for step in steps for change in step.run_changes]
    return [one.run_id for one in told if one.values.get("ended_at") is not None]


def _write_runs(steps: Sequence[Step]) -> None:
    """Close before opening: an agent has at most one open run."""
    opened = [step.opened for step in steps if step.opened is not None]
    fresh = {run.id for run in opened}
    changed = [change for step in steps for change in step.run_changes]
    _update_runs(change for change in changed if change.run_id not in fresh)
    columns = [field.name for field in fields(RunOpened)]
    insert_many(Run, columns, [[getattr(run, n) for n in columns] for run in opened])
    _update_runs(change for change in changed if change.run_id in fresh)


# By column: which of the sights it holds, and in what form.
_COLUMNS: Final[dict[str, tuple[tuple[str, ...], Callable[[Observed], Any]]]] = {
    "status": (("status",), lambda seen: seen.status.value),
    "status_since": (("since",), attrgetter("since")),
    "status_reason": (("reason",), attrgetter("reason")),
    "status_source": (("source",), attrgetter("source")),
    "conditions": (
        ("conditions",),
        lambda seen: [
            {"type": c.type, "since": c.since, "reason": c.reason}
            for c in seen.conditions
        ],
    ),
    "observed_generation": (("generation",), attrgetter("generation")),
    "run": (("run_id",), attrgetter("run_id")),
    "run_revision": (("run_revision",), attrgetter("run_revision")),
    "pid": (("pid",), attrgetter("pid")),
    "restart_count": (("restart_count",), attrgetter("restart_count")),
    "restarts_total": (("restarts_total",), attrgetter("restarts_total")),
    "recent_exits": (
        ("exits_boot", "recent_exits"),
        lambda seen: [seen.exits_boot, *seen.recent_exits],
    ),
    "started_at": (("started_at",), attrgetter("started_at")),
    "stopped_at": (("stopped_at",), attrgetter("stopped_at")),
    "retry_at": (("retry_at",), attrgetter("retry_at")),
    "retry_boot": (("retry",), lambda seen: seen.retry.boot if seen.retry else ""),
    "retry_boot_seconds": (
        ("retry",),
        lambda seen: seen.retry.at if seen.retry else None,
    ),
}
_SEEN: Final = tuple(field.name for field in fields(Observed))
_all_seen: Final = attrgetter(*_SEEN)


def _update_agents(chains: Sequence[tuple[Step, Step]]) -> None:
    """From where each agent's first step departs to where its last one ends."""
    updated = 0
    alike: dict[tuple[str, ...], list[tuple[Step, Step]]] = defaultdict(list)
    for first, last in chains:
        alike[_difference(first.base, last.after)].append((first, last))
    for changed, same in alike.items():
        columns, forms = _columns_of(changed)
        rows = [
            (
                tuple(form(last.after) for form in forms),
                first.agent_id,
                first.before.value,
            )
            for first, last in same
        ]
        updated += update_many(Agent, columns, rows, guard="status")
    if updated != len(chains):
        names = ", ".join(first.agent_name for first, _ in chains[:5])
        raise LostRow(f"{len(chains) - updated} of these agents changed: {names}")


def _difference(base: Observed | None, after: Observed) -> tuple[str, ...]:
    """What of the sights is to be written; never nothing."""
    if base is None:
        return _SEEN
    sights = zip(_SEEN, _all_seen(base), _all_seen(after), strict=True)
    changed = [name for name, old, new in sights if old is not new and old != new]
    return tuple(changed) or ("status",)


@cache
def _columns_of(
    changed: tuple[str, ...],
) -> tuple[tuple[str, ...], tuple[Callable[[Observed], Any], ...]]:
    written = {
        column: form
        for column, (names, form) in _COLUMNS.items()
        if not set(changed).isdisjoint(names)
    }
    return tuple(written), tuple(written.values())


def _update_runs(run_changes: Iterable[RunChange]) -> None:
    grouped: dict[tuple[str, ...], list[RunChange]] = defaultdict(list)
    for change in run_changes:
        grouped[tuple(change.values)].append(change)
    for columns, same in grouped.items():
        updated = update_many(
            Run, columns, [(tuple(c.values.values()), c.run_id, None) for c in same]
        )
        if updated != len(same):
            raise LostRow(f"{len(same) - updated} of {len(same)} runs are gone")


_STATUS_CHANGE: Final = (
    "agent",
    "agent_name",
    "from_status",
    "to_status",
    "reason",
    "source",
    "actor",
    "run",
    "at",
)


def _status_change(step: Step) -> tuple[Any, ...]:
    seen = step.after
    return (
        step.agent_id,
        step.agent_name,
        step.before.value,
        seen.status.value,
        step.told or seen.reason,
        step.told_by or seen.source,
        step.actor,
        seen.run_id,
        seen.since if step.before is not seen.status else timezone.now(),
    )


def _settle(steps: Sequence[Step]) -> None:
    settled: dict[int, list[Settlement]] = defaultdict(list)
    for step in steps:
        if step.settled is not None:
            settled[step.agent_id].append(step.settled)
    if not settled:
        return
    now = timezone.now()
    open_ones = Request.objects.filter(agent_id__in=settled, outcome=Outcome.OPEN)
    rows = []
    for pk, agent_id, generation in open_ones.values_list(
        "pk", "agent_id", "generation"
    ):
        assert agent_id is not None, "it was found by its agent"
        # The first that reaches so far: a request is settled once.
        end = next((s for s in settled[agent_id] if generation <= s.generation), None)
        if end is not None:
            rows.append(((end.outcome.value, end.detail, now), pk, Outcome.OPEN.value))
    update_many(Request, ("outcome", "detail", "settled_at"), rows, guard="outcome")

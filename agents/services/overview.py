"""The read side: agents as the pages show them, as frozen values.

A few queries for any number of agents. Nothing is written here, and nothing leaves
that is not ready to be printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from agents.models import Agent, Node
from agents.models.choices import Kind, StatusChoice
from agents.policy.states import NEEDS_A_PERSON, Action, Desired, Status
from agents.services import budgets, figures, nodes, presence, task_list
from agents.services.figures import Stamp
from agents.services.task_list import Question
from agents.services.usage_view import BudgetView, budget_view

_S = Status
# What helps in each status, in the order of the buttons. Everything may be asked at
# any time; these are what makes sense.
SENSIBLE: Final[dict[Status, frozenset[Action]]] = {
    _S.STOPPED: frozenset({Action.START}),
    _S.STARTING: frozenset({Action.STOP, Action.RESTART, Action.KILL}),
    _S.RUNNING: frozenset({Action.STOP, Action.RESTART, Action.KILL}),
    _S.STOPPING: frozenset({Action.START, Action.KILL}),
    _S.BACKOFF: frozenset({Action.START, Action.STOP}),
    _S.CRASHED: frozenset({Action.START, Action.STOP}),
    _S.UNKNOWN: frozenset({Action.STOP, Action.RESTART, Action.KILL}),
}

# The order in which statuses are counted, listed and sorted: trouble first.
BY_URGENCY: Final = (
    _S.CRASHED,
    _S.UNKNOWN,
    _S.BACKOFF,
    _S.STARTING,
    _S.STOPPING,
    _S.RUNNING,
    _S.STOPPED,
)
ALONG_THE_BAR: Final = (
    _S.RUNNING,
    _S.STARTING,
    _S.STOPPING,
    _S.BACKOFF,
    _S.UNKNOWN,
    _S.CRASHED,
    _S.STOPPED,
)
NEEDS_LOOK: Final = NEEDS_A_PERSON | {Status.BACKOFF}
MOST_PROBLEMS: Final = 12

# What a list shows; samples, environment and exits stay in the database.
ROW_FIELDS: Final = (
    "id",
    "name",
    "kind",
    "role",
    "labels",
    "status",
    "status_since",
    "status_reason",
    "conditions",
    "desired_state",
    "generation",
    "observed_generation",
    "wanted_action",
    "wanted_by",
    "internal",
    "pid",
    "restart_count",
    "restarts_total",
    "cpu_percent",
    "rss_bytes",
)


@dataclass(frozen=True, slots=True)
class ConditionView:
    """Something beside the status that a person should know."""

    type: str
    since: Stamp | None
    reason: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent in a list."""

    id: int
    name: str
    url: str
    internal: bool
    external: bool
    kind: str
    role: str
    labels: tuple[str, ...]
    status: str
    status_label: str
    since: Stamp
    reason: str
    conditions: tuple[ConditionView, ...]
    open_wish: str
    restart_count: int
    restarts_total: int
    cpu: str
    memory: str
    pid: str
    may_start: bool
    may_stop: bool
    may_restart: bool
    may_kill: bool


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many agents are in one status, and where the list of them is."""

    status: str
    label: str
    count: int
    # Where its part of the bar begins and how wide it is, in thousandths.
    begin: float
    width: float


@dataclass(frozen=True, slots=True)
class Hardship:
    """Since when, and why, a supervisor cannot write down what it sees."""

    since: Stamp | None
    reason: str


@dataclass(frozen=True, slots=True)
class Supervision:
    """Whether somebody watches the agents; `last_seen` of one who is gone."""

    present: bool
    node: str
    last_seen: Stamp | None
    hardship: Hardship | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page says before the fleet itself."""

    total: int
    running: int
    wanted: int
    counts: tuple[StatusCount, ...]
    problems: tuple[AgentRow, ...]
    problem_count: int
    budgets: tuple[BudgetView, ...]
    questions: tuple[Question, ...]


def row(agent: Agent) -> AgentRow:
    """One agent as a list shows it."""
    status = Status(agent.status)
    sensible = frozenset() if agent.external else SENSIBLE[status]
    # It has no process yet, and may wait long for one.
    waits = agent.desired_state == Desired.RUNNING and bool(open_wish(agent))
    return AgentRow(
        id=agent.pk,
        name=agent.name,
        url=reverse("agent", args=[agent.name]),
        internal=agent.internal,
        external=agent.external,
        kind=Kind(agent.kind).label,
        role=agent.role,
        labels=tuple(f"{key}={value}" for key, value in sorted(agent.labels.items())),
        status=agent.status,
        status_label=StatusChoice(agent.status).label,
        since=figures.stamp(agent.status_since),
        reason=agent.status_reason,
        conditions=conditions(agent.conditions),
        open_wish=open_wish(agent),
        restart_count=agent.restart_count,
        restarts_total=agent.restarts_total,
        cpu=figures.percent(agent.cpu_percent),
        memory=figures.size(agent.rss_bytes),
        pid=str(agent.pid or figures.NOTHING),
        may_start=Action.START in sensible,
        may_stop=Action.STOP in sensible or waits,
        may_restart=Action.RESTART in sensible,
        may_kill=Action.KILL in sensible,
    )


def open_wish(agent: Agent) -> str:
    """What was asked and is not settled yet; empty when everything is."""
    if agent.generation == agent.observed_generation:
        return ""
    by = f" by {agent.wanted_by}" if agent.wanted_by else ""
    return f"{agent.wanted_action} asked{by}"


def conditions(stored: Iterable[dict[str, Any]]) -> tuple[ConditionView, ...]:
    """The stored conditions; one without a readable time is shown all the same."""
    return tuple(
        ConditionView(
            type=str(one.get("type", "")).replace("_", " "),
            since=figures.stamp_or_none(_moment(str(one.get("since", "")))),
            reason=str(one.get("reason", "")),
        )
        for one in stored
    )


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def rows(ids: Iterable[int]) -> list[AgentRow]:
    """These agents, by name; what is gone is left out."""
    found = Agent.objects.filter(pk__in=list(ids)).only(*ROW_FIELDS).order_by("name")
    return [row(agent) for agent in found]


def fleet() -> list[AgentRow]:
    """Every agent, by name."""
    return [row(agent) for agent in Agent.objects.only(*ROW_FIELDS).order_by("name")]


def ids() -> frozenset[int]:
    """The ids of every agent there is."""
    return frozenset(Agent.objects.values_list("pk", flat=True))


def status_counts() -> tuple[StatusCount, ...]:
    """One count for each status, those of none included, trouble first."""
    counted = dict(
        Agent.objects.order_by()
        .values_list("status")
        .annotate(number=Count("pk"))
        .values_list("status", "number")
    )
    total = sum(counted.values()) or 1
    begin = 0.0
    found = []
    for status in ALONG_THE_BAR:
        count = counted.get(status.value, 0)
        width = 1000 * count / total
        label = str(StatusChoice(status.value).label)
        found.append(
            StatusCount(status.value, label, count, round(begin, 2), round(width, 2))
        )
        begin += width
    return tuple(sorted(found, key=lambda one: BY_URGENCY.index(Status(one.status))))


def troubled() -> QuerySet[Agent]:
    """The agents a person should look at."""
    bad = [status.value for status in NEEDS_LOOK]
    return Agent.objects.filter(Q(status__in=bad) | ~Q(conditions=[]))


def overview() -> Overview:
    """The counts and the first problems."""
    counts = status_counts()
    by_status = {one.status: one.count for one in counts}
    problems = sorted(
        (row(agent) for agent in troubled().only(*ROW_FIELDS)),
        key=lambda one: (BY_URGENCY.index(Status(one.status)), one.since.iso),
    )
    return Overview(
        total=sum(by_status.values()),
        running=by_status[Status.RUNNING],
        wanted=Agent.objects.filter(desired_state=Desired.RUNNING).count(),
        counts=counts,
        problems=tuple(problems[:MOST_PROBLEMS]),
        problem_count=len(problems),
        budgets=tuple(budget_view(one) for one in budgets.urgent()),
        questions=task_list.questions(),
    )


def supervision(name: str = "local") -> Supervision:
    """Whether the node's supervisor was heard of within its lease."""
    node = Node.objects.filter(name=name).first()
    if node is None:
        return Supervision(False, name, None)
    present = nodes.is_heard(node)
    seen = None if present else figures.stamp_or_none(node.last_seen)
    return Supervision(present, name, seen, _hardship(name))


def _hardship(node: str) -> Hardship | None:
    told = presence.hardship(node)
    if told is None:
        return None
    return Hardship(figures.stamp_or_none(_moment(told.since)), told.reason)

"""The list of tasks: filtered, cut into pages, the newest first, as frozen values.

What may enter: how a task reads in one line. An unknown word of a query is ignored, so
that an old bookmark still opens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count
from django.urls import reverse

from agents.models import Agent, Task
from agents.models.choices import Kind, TaskStateChoice
from agents.policy.tasks import OPEN, TaskState
from agents.services import figures
from agents.services.figures import Stamp

PER_PAGE: Final = 50
LONGEST_TITLE: Final = 160
LATEST: Final = 8
MOST_NATIVES: Final = 12
MOST_QUESTIONS: Final = 12
WAITING: Final = (TaskState.QUEUED, TaskState.WAITING_FOR_LOCK)

# What a list shows; prompts are cut in Python, results stay in the database.
ROW_FIELDS: Final = (
    "id",
    "agent",
    "agent_name",
    "prompt",
    "state",
    "reason",
    "question",
    "answer",
    "priority",
    "attempts",
    "max_attempts",
    "created_by",
    "created_at",
    "started_at",
    "ended_at",
    "cancel_asked_at",
    "input",
    "cache_read",
    "cache_write",
    "output",
    "cost",
    "unpriced",
)


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task in a list. `since`: of its state; `beside`: what else to know.

    `agent_url` is empty where the agent has been deleted.
    """

    id: int
    url: str
    agent: str
    agent_url: str
    title: str
    state: str
    state_label: str
    beside: str
    reason: str
    priority: int
    created_by: str
    created_at: Stamp
    since: Stamp
    lasted: str
    tokens: str
    cost: str

    @property
    def open(self) -> bool:
        """Whether it waits or is worked on."""
        return TaskState(self.state) in OPEN


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent asks in a task, on one line."""

    task: TaskRow
    text: str


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """What a query string asks for."""

    state: str = ""
    agent: str = ""
    page: int = 1

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> TaskQuery:
        """The known words of a query string."""
        state, page = given.get("state", ""), given.get("page", "")
        return cls(
            state=state if state in TaskStateChoice.values else "",
            agent=given.get("agent", "")[:63],
            page=int(page) if page.isdecimal() and len(page) < 9 else 1,
        )

    def address(self) -> str:
        """The query string that asks for this, without what is the default."""
        words = {
            "state": self.state,
            "agent": self.agent,
            "page": "" if self.page == 1 else str(self.page),
        }
        return "?" + urlencode({key: value for key, value in words.items() if value})


@dataclass(frozen=True, slots=True)
class StateChoice:
    """A link that shows the tasks of one state."""

    value: str
    label: str
    address: str
    chosen: bool
    count: int


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of the list and everything around it."""

    query: TaskQuery
    rows: tuple[TaskRow, ...]
    found: int
    total: int
    first: int
    last: int
    previous: str
    next: str
    states: tuple[StateChoice, ...]
    agents: tuple[str, ...]
    newest_id: int
    # Some of those who could be asked.
    natives: tuple[str, ...]


def task_page(query: TaskQuery) -> TaskPage:
    """The tasks that a query asks for, one page of them."""
    tasks = Task.objects.only(*ROW_FIELDS).order_by("-pk")
    if query.agent:
        tasks = tasks.filter(agent_name=query.agent)
    there = counts()
    if query.state:
        tasks = tasks.filter(state=query.state)
    paginator = Paginator(tasks, PER_PAGE)
    page = paginator.get_page(query.page)
    query = replace(query, page=page.number)
    names = set(Task.objects.order_by().values_list("agent_name", flat=True).distinct())
    natives = native_names()
    return TaskPage(
        query=query,
        rows=tuple(row(task) for task in page.object_list),
        found=paginator.count,
        total=there["all"],
        first=page.start_index(),
        last=page.end_index(),
        previous=_turned(query, -1) if page.has_previous() else "",
        next=_turned(query, 1) if page.has_next() else "",
        states=_states(query, there),
        agents=tuple(sorted({*names, *natives, *filter(None, [query.agent])})),
        newest_id=newest(),
        natives=tuple(natives[:MOST_NATIVES]),
    )


def _turned(query: TaskQuery, step: int) -> str:
    return replace(query, page=query.page + step).address()


def counts() -> dict[str, int]:
    """How many are in each state, none included, and in `all`."""
    tasks = Task.objects.order_by()
    counted = tasks.values_list("state").annotate(number=Count("pk"))
    found = dict(counted.values_list("state", "number"))
    return {
        "all": sum(found.values()),
        **{state.value: found.get(state.value, 0) for state in TaskState},
    }


def _states(query: TaskQuery, there: Mapping[str, int]) -> tuple[StateChoice, ...]:
    every = [("", "All", there["all"])]
    every += [
        (value, str(label), there[value]) for value, label in TaskStateChoice.choices
    ]
    return tuple(
        StateChoice(
            value,
            label,
            replace(query, state=value, page=1).address(),
            value == query.state,
            count,
        )
        for value, label, count in every
    )


def native_names() -> list[str]:
    """The agents that can be asked."""
    natives = Agent.objects.filter(kind=Kind.NATIVE_LLM).order_by("name")
    return list(natives.values_list("name", flat=True))


def rows(ids: Iterable[int]) -> list[TaskRow]:
    """These tasks; what is gone is left out."""
    found = Task.objects.only(*ROW_FIELDS).filter(pk__in=list(ids)).order_by("-pk")
    return [row(task) for task in found]


def newest() -> int:
    """The newest task's id, 0 without one."""
    found = Task.objects.order_by("-pk").values_list("pk", flat=True).first()
    return found or 0


def latest_ids() -> tuple[int, ...]:
    """Some of the newest tasks, so that who shows a list can tell how many came."""
    newest_first = Task.objects.order_by("-pk").values_list("pk", flat=True)
    return tuple(newest_first[:PER_PAGE])


def agents_of(ids: Collection[int]) -> dict[int, int | None]:
    """Whose these tasks are."""
    if not ids:
        return {}
    return dict(Task.objects.filter(pk__in=ids).values_list("pk", "agent_id"))


def of_agent(agent_id: int) -> tuple[TaskRow, ...]:
    """What it works on, what waits for it in its order, then what it did last."""
    tasks = Task.objects.only(*ROW_FIELDS).filter(agent=agent_id)
    working = tasks.filter(state=TaskState.RUNNING).order_by("pk")[:LATEST]
    waiting = tasks.filter(state__in=WAITING).order_by("-priority", "pk")[:LATEST]
    ended = tasks.exclude(state__in=OPEN).order_by("-ended_at", "-pk")[:LATEST]
    return tuple(row(task) for task in [*working, *waiting, *ended])


def waiting_for(agent_id: int) -> int:
    """How many tasks wait for this agent."""
    return Task.objects.filter(agent=agent_id, state__in=WAITING).count()


def questions() -> tuple[Question, ...]:
    """What agents ask people now, the longest asked first."""
    running = Task.objects.only(*ROW_FIELDS).filter(
        state=TaskState.RUNNING, answer=None
    )
    asking = running.exclude(question="").order_by("pk")[:MOST_QUESTIONS]
    return tuple(Question(row(task), title(task.question)) for task in asking)


def row(task: Task) -> TaskRow:
    """One task as a list shows it."""
    began, ended = task.started_at, task.ended_at
    return TaskRow(
        id=task.pk,
        url=reverse("task", args=[task.pk]),
        agent=task.agent_name,
        agent_url=reverse("agent", args=[task.agent_name]) if task.agent_id else "",
        title=title(task.prompt),
        state=task.state,
        state_label=str(TaskStateChoice(task.state).label),
        beside=beside(task),
        reason="" if task.reason == f"asked by {task.created_by}" else task.reason,
        priority=task.priority,
        created_by=task.created_by,
        created_at=figures.stamp(task.created_at),
        since=figures.stamp(ended or began or task.created_at),
        lasted=figures.seconds((ended - began).total_seconds())
        if began and ended
        else "",
        tokens=tokens(task),
        cost=price(task),
    )


def beside(task: Task) -> str:
    """What a person should know beside the state; mostly empty."""
    if task.state != TaskState.RUNNING:
        return ""
    if task.cancel_asked_at is not None:
        return "is being cancelled"
    return "waits for an answer" if task.question and task.answer is None else ""


def title(prompt: str) -> str:
    """The prompt's first words, on one line."""
    line = " ".join(prompt[: LONGEST_TITLE * 4].split())
    return line if len(line) <= LONGEST_TITLE else line[:LONGEST_TITLE].rstrip() + "…"


def tokens(task: Task) -> str:
    """All tokens that went in and out."""
    number = _tokens(task)
    return figures.tokens(number) if number else figures.NOTHING


def _tokens(task: Task) -> int:
    return task.input + task.cache_read + task.cache_write + task.output


def price(task: Task) -> str:
    """The cost for people: unknown is said, and is not nothing."""
    if task.unpriced:
        known = figures.money(task.cost)
        return f"at least {known}" if task.cost else figures.money(None)
    return figures.money(task.cost) if _tokens(task) else figures.NOTHING

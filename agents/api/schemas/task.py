"""Tasks: what is asked, how it goes, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from ninja import Schema
from pydantic import ConfigDict, Field, field_validator

from agents.api.paging import Order, PageIn, QueryIn, Words, not_null
from agents.api.schemas.agent import Moment
from agents.api.schemas.lists import UUID, Label
from agents.api.schemas.phases import PhaseIn, RoundOut, WorkArrivalOut
from agents.api.schemas.texts import LARGEST, NO_NUL, Reason
from agents.api.waits import LONGEST
from agents.models.choices import StepKindChoice, TaskStateChoice
from agents.policy.budgets import MOST_TOKENS, MOST_USD
from agents.services import first_answers
from agents.services.tasks import LONGEST_KEY, LONGEST_PROMPT, MOST_PATHS, Ask

LONGEST_TIMEOUT: Final = 30 * 86_400
LONGEST_ANSWER: Final = 100_000
STRICT: Final = ConfigDict(extra="forbid", strict=True)
Glob = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]
Wait = Annotated[
    float,
    Field(
        ge=0,
        le=LONGEST,
        allow_inf_nan=False,
        description="Seconds to wait for the end of the task. Left out: answered at "
        "once. `state` says whether it has ended.",
    ),
]


class WaitIn(Schema):
    """Whether to wait."""

    model_config = STRICT

    wait: Wait | None = None


class BudgetIn(Schema):
    """The most that a task may use; what is left out is not bounded."""

    model_config = STRICT

    usd: float | None = Field(None, gt=0, le=MOST_USD, allow_inf_nan=False)
    tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)


class AskIn(PhaseIn, WaitIn):
    """What is asked of an agent."""

    prompt: str = Field(min_length=1, max_length=LONGEST_PROMPT, pattern=NO_NUL)
    paths: list[Glob] = Field(
        [],
        max_length=MOST_PATHS,
        description="What it will write, such as `src/**/*.py`: locked until its end.",
    )
    priority: int = Field(0, ge=-1000, le=1000, description="Higher first.")
    timeout: float | None = Field(
        None,
        gt=0,
        le=LONGEST_TIMEOUT,
        allow_inf_nan=False,
        description="Seconds for each attempt.",
    )
    max_attempts: int = Field(3, ge=1, le=20)
    budget: BudgetIn | None = None
    follows: int | None = Field(
        None, ge=1, le=LARGEST, description="Go on in the conversation of this task."
    )
    idempotency_key: str = Field(
        "",
        max_length=LONGEST_KEY,
        pattern=NO_NUL,
        description="Of this agent and for ever: asked again with the same key and "
        "prompt, it is the same task (200).",
    )

    @field_validator("idempotency_key")
    @classmethod
    def _not_ours(cls, key: str) -> str:
        if first_answers.is_own(key):
            raise ValueError("Keys such as api-1 are the hub's own: choose another.")
        return key

    def wanted(self, name: str) -> Ask:
        """For services. `name`: by which they know it where it brings no key."""
        budget = self.budget.model_dump(exclude_none=True) if self.budget else {}
        return Ask(
            prompt=self.prompt,
            paths=self.paths,
            priority=self.priority,
            timeout=self.timeout,
            max_attempts=self.max_attempts,
            idempotency_key=self.idempotency_key or name,
            follows=self.follows,
            budget=budget,
            phase=self.phase(),
        )


class CancelTaskIn(WaitIn):
    """How to end a task."""

    reason: Reason = ""


class AnswerIn(WaitIn):
    """What to say to an agent that asks."""

    text: str = Field(min_length=1, max_length=LONGEST_ANSWER, pattern=NO_NUL)


class TasksIn(PageIn):
    """Which tasks; every filter has to hold."""

    state: list[TaskStateChoice] = Field([], max_length=8, description="Repeatable.")
    agent: Words = Field("", description="Its name.")
    label: list[Label] = Field(
        [], max_length=20, description="`key=value` of the agent; repeatable."
    )
    conversation: str | None = Field(None, pattern=UUID, json_schema_extra=not_null)
    asking: bool = Field(False, description="Those alone that wait for an answer.")
    sort: Literal[
        "-id", "id", "-priority", "priority", "-started", "started", "-ended", "ended"
    ] = Field("-id", description="With - the largest or latest first.")

    def order(self) -> Order:
        """The order that is asked for."""
        name = self.sort.removeprefix("-")
        field = {"started": "started_at", "ended": "ended_at"}.get(name, name)
        return Order(field, self.sort.startswith("-"), tie="id")


class OneTaskIn(QueryIn):
    """How to look at a task."""

    wait: Wait | None = Field(None, json_schema_extra=not_null)


class EventsIn(QueryIn):
    """Which steps."""

    after: int = Field(
        0, ge=0, le=LARGEST, description="`next` of the answer before; 0: all."
    )
    limit: int = Field(100, ge=1, le=500, description="How many at most.")
    wait: float | None = Field(
        None,
        ge=0,
        le=LONGEST,
        allow_inf_nan=False,
        description="Seconds to wait for a further step or the end of the task.",
        json_schema_extra=not_null,
    )


class TaskUsageOut(Schema):
    """Tokens of all attempts; `input` is without cache, `output` with reasoning."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int


class TaskOut(Schema):
    """One piece of work, and what came of it."""

    id: int
    agent: str
    state: TaskStateChoice
    reason: str
    prompt: str
    result: str | None
    error: str | None
    question: str | None = Field(description="What it asks people, while it does.")
    answer: str | None
    paths: list[str]
    touched_outside: dict[str, Any] | None = Field(
        description="What it has written outside its locks; null: nothing known."
    )
    arrives_at: WorkArrivalOut | None = Field(
        description="The round of a barrier in which it arrives once it has succeeded."
    )
    waits_for: RoundOut | None = Field(
        description="The round that has to be complete; null once it waits no longer."
    )
    priority: int
    timeout: float | None
    attempts: int = Field(description="How many have begun.")
    max_attempts: int
    budget: dict[str, Any]
    conversation: str
    idempotency_key: str | None
    run: int | None = Field(description="The number of its live or latest run.")
    created_by: str
    via: str
    created_at: Moment
    not_before: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    cancel_asked_at: Moment | None
    usage: TaskUsageOut
    cost: str | None = Field(description="USD; null while some of it is unknown.")


class StepOut(Schema):
    """One step of a transcript; it is never changed."""

    number: int
    kind: StepKindChoice
    attempt: int
    at: Moment
    data: dict[str, Any]


class EventsOut(Schema):
    """Steps of a task, in order."""

    items: list[StepOut]
    next: int = Field(description="Send it as `after`: what comes later, for ever.")
    more: bool = Field(description="Whether there are further ones now.")
    state: TaskStateChoice = Field(description="Of the task, when these were read.")

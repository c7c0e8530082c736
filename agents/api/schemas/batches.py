"""Batches, as programs make and read them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field, model_validator

from agents.api.paging import PageIn, not_null
from agents.api.schemas.agent import Moment
from agents.api.schemas.phases import PhaseIn, RoundOut
from agents.api.schemas.steering import CHOICES, ChosenIn
from agents.api.schemas.texts import Reason
from agents.models.choices import (
    BatchActionChoice,
    BatchStateChoice,
    ItemStateChoice,
    StatusChoice,
)
from agents.services import batches, tasks
from agents.services.tasks import Ask

_WAYS = ("action", "ask")
Path = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]


class WorkIn(PhaseIn):
    """What each agent is asked for, as a task of its own."""

    prompt: str = Field(
        # How long is for the service to say: JSON's halves of a character are not
        # counted alike by all who read a bound in the description.
        description=f"Of {tasks.LONGEST_PROMPT:,} characters at most.",
        pattern=r"^[^\x00]*[^\x00-\x20\x7f-\xa0\u1680\u2000-\u206f\u3000][^\x00]*$",
    )
    paths: list[Path] = Field([], max_length=tasks.MOST_PATHS)
    priority: int = Field(0, ge=-1000, le=1000)
    timeout: float | None = Field(
        None,
        gt=0,
        le=30 * 86_400,
        allow_inf_nan=False,
        json_schema_extra=not_null,
        description="Seconds for each attempt.",
    )
    max_attempts: int = Field(3, ge=1, le=20)

    def wanted(self) -> Ask:
        """For services."""
        return Ask(
            prompt=self.prompt,
            paths=self.paths,
            priority=self.priority,
            timeout=self.timeout,
            max_attempts=self.max_attempts,
            phase=self.phase(),
        )


def _one_of_each(schema: dict[str, Any]) -> None:
    for key, names in (("oneOf", CHOICES), ("allOf", _WAYS)):
        choice = [{"required": [name]} for name in names]
        schema[key] = choice if key == "oneOf" else [{"oneOf": choice}]


class NewBatchIn(ChosenIn):
    """Which agents, by one of `names`, `labels` and `all`; and either what is asked
    of them (`action`) or for which work (`ask`)."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra=_one_of_each
    )

    action: Literal["start", "stop", "restart", "kill"] | None = Field(
        None, json_schema_extra=not_null
    )
    ask: WorkIn | None = Field(None, json_schema_extra=not_null)
    at_once: int = Field(
        batches.AT_ONCE,
        ge=1,
        le=batches.MOST_AT_ONCE,
        description="How many are under way at most.",
    )
    patience: float | None = Field(
        None,
        ge=1,
        le=batches.MOST_PATIENCE,
        allow_inf_nan=False,
        json_schema_extra=not_null,
        description="Seconds in which each has to have its outcome; left out: "
        f"{batches.PATIENCE:g}, and {batches.PATIENCE_FOR_WORK:g} for work.",
    )
    reason: Reason = ""

    @model_validator(mode="after")
    def _names_one_thing_to_do(self) -> Self:
        given = [name for name in _WAYS if name in self.model_fields_set]
        if len(given) != 1 or getattr(self, given[0]) is None:
            raise ValueError('Give either "action" or "ask".')
        return self


class CancelIn(Schema):
    """Why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""


class BatchesIn(PageIn):
    """Which batches, the newest first."""

    state: BatchStateChoice | None = Field(None, json_schema_extra=not_null)


class ItemOut(Schema):
    """What became of one agent."""

    agent: str
    state: ItemStateChoice
    status: StatusChoice | None = Field(description="The agent's, when it ended.")
    detail: str
    request: int | None
    task: int | None
    begun_at: Moment | None
    ended_at: Moment | None
    took: float | None = Field(description="Seconds.")


class BatchJobOut(Schema):
    """One batch."""

    id: int
    action: BatchActionChoice
    prompt: str | None
    state: BatchStateChoice
    held: str | None = Field(description="Why nothing of it begins now.")
    arrives_at: RoundOut | None = Field(description="Where its tasks arrive.")
    waits_for: RoundOut | None = Field(description="Null once it waits no longer.")
    whom: str
    at_once: int
    patience: float
    reason: str
    created_by: str
    via: str
    created_at: Moment
    cancelled_by: str | None
    cancelled_at: Moment | None
    ended_at: Moment | None
    took: float | None = Field(description="Seconds.")
    counts: dict[str, int] = Field(description="Agents by the state of their item.")


class WholeBatchOut(BatchJobOut):
    """The same with what became of each agent."""

    items: list[ItemOut]

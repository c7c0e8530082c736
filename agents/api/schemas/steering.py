"""What is asked of agents, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field, model_validator

from agents.api.paging import not_null
from agents.api.schemas.texts import NO_NUL, Name, Reason
from agents.api.waits import LONGEST
from agents.models.choices import StatusChoice

MOST_NAMES: Final = 1000
CHOICES: Final = ("names", "labels", "all")
Part = Annotated[str, Field(max_length=300, pattern=NO_NUL)]


class SteerIn(Schema):
    """How to ask."""

    model_config = ConfigDict(extra="forbid", strict=True)

    wait: float | None = Field(
        None,
        ge=0,
        le=LONGEST,
        allow_inf_nan=False,
        description="Seconds to wait for the outcome. Left out: answered at once.",
    )
    reason: Reason = ""


def _one_choice(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [name]} for name in CHOICES]


def _only_true(schema: dict[str, Any]) -> None:
    not_null(schema)
    schema["const"] = True


class ChosenIn(Schema):
    """Which agents: exactly one of `names`, `labels` and `all`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra=_one_choice
    )

    names: list[Name] | None = Field(
        None, min_length=1, max_length=MOST_NAMES, json_schema_extra=not_null
    )
    labels: dict[Part, Part] | None = Field(
        None,
        min_length=1,
        max_length=20,
        json_schema_extra=not_null,
        description="Agents that have all of these.",
    )
    all: bool | None = Field(None, json_schema_extra=_only_true)

    @model_validator(mode="after")
    def _names_one_way_to_choose(self) -> Self:
        given = [name for name in CHOICES if name in self.model_fields_set]
        if len(given) != 1 or not getattr(self, given[0]):
            raise ValueError('Give exactly one of "names", "labels" and "all": true.')
        return self


class BatchIn(ChosenIn, SteerIn):
    """Which agents, and what of them: exactly one of `names`, `labels` and `all`."""

    action: Literal["start", "stop", "restart", "kill"]


class ResultOut(Schema):
    """What came of it for one agent. `status`: null for a name of no agent."""

    name: str
    ok: bool
    status: StatusChoice | None
    detail: str


class BatchOut(Schema):
    """One result for each agent, in the order of the names."""

    results: list[ResultOut]

"""Phases of work: where it arrives, and for which round it waits."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.paging import not_null
from agents.api.schemas.barrier import Count, Names
from agents.api.schemas.texts import Name
from agents.models.choices import ExpectedStateChoice
from agents.services.phases import Phase


class PhaseIn(Schema):
    """Where it stands among other work."""

    model_config = ConfigDict(extra="forbid", strict=True)

    barrier: Name | None = Field(
        None,
        json_schema_extra=not_null,
        description="Where its agent arrives once it has succeeded.",
    )
    parties: Count | Names | None = Field(
        None,
        description="Who meet at `barrier`, by name or as a number: it is made if "
        "there is none. Left out, it is there already; of a batch they are its agents.",
    )
    after: Name | None = Field(
        None,
        json_schema_extra=not_null,
        description="The barrier at which all have to have arrived before it begins.",
    )

    def phase(self) -> Phase:
        """For services."""
        return Phase(self.barrier or "", self.parties, self.after or "")


class RoundOut(Schema):
    """One round of a barrier."""

    barrier: str
    generation: int


class WorkArrivalOut(RoundOut):
    """The round in which a task arrives, and whether it has."""

    state: ExpectedStateChoice

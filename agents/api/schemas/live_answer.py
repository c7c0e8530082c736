"""An answer while it is being given, and where to read on."""

from __future__ import annotations

from typing import Final

from ninja import Schema
from pydantic import Field

from agents.api.paging import QueryIn, not_null
from agents.models.choices import TaskStateChoice
from agents.services.live_answers import Place

# The number of a run, a byte of its file, and whether that is in thinking.
_PLACE: Final = r"^[0-9]{1,9}\.[0-9]{1,15}\.[01]$"


class LiveAnswerIn(QueryIn):
    """From where on."""

    after: str | None = Field(
        None,
        pattern=_PLACE,
        description="`next` of the answer before; left out: all that there is.",
        examples=["3.1024.0"],
        json_schema_extra=not_null,
    )

    def place(self) -> tuple[int, Place] | None:
        """The run, and where in its file; None for nowhere yet."""
        if self.after is None:
            return None
        run, offset, thinks = self.after.split(".")
        return int(run), Place(int(offset), thinks == "1")


class LiveAnswerOut(Schema):
    """What has been said since, and is no step yet."""

    run: int | None = Field(description="Of whom it is; null while nobody works on it.")
    fresh: bool = Field(
        description="Whether this takes the place of what was read before: that has "
        "become a step, or is void."
    )
    thinking: str
    text: str
    next: str = Field(description="Send it as `after`.")
    state: TaskStateChoice


def cursor(run: int, place: Place) -> str:
    """As `after` takes it."""
    return f"{run}.{place.offset}.{int(place.thinks)}"

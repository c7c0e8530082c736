"""What lists may be asked: filters and sorts, as query parameters."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from agents.api.paging import Order, PageIn, Words, not_null
from agents.models.choices import ActivityChoice, Kind, StatusChoice

Label = Annotated[
    str, Field(max_length=300, pattern=r"^[^=\x00]+=[^\x00]*$", examples=["team=web"])
]
Sort = Literal[
    "name",
    "-name",
    "status",
    "-status",
    "since",
    "-since",
    "restarts",
    "-restarts",
    "cpu",
    "-cpu",
    "memory",
    "-memory",
]
UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
FIELDS: Final = {
    "name": "name",
    "status": "urgency",
    "since": "status_since",
    "restarts": "restarts_total",
    "cpu": "cpu_percent",
    "memory": "rss_bytes",
}


class AgentsIn(PageIn):
    """Which agents, and in which order; every filter has to hold."""

    status: StatusChoice | None = Field(None, json_schema_extra=not_null)
    kind: Kind | None = Field(None, json_schema_extra=not_null)
    label: list[Label] = Field(
        [], max_length=20, description="`key=value`; repeatable."
    )
    node: Words = ""
    role: Words = ""
    capability: Words = ""
    life: Literal["alive", "unknown", "down"] | None = Field(
        None,
        description="Whether it lives; unknown: nobody can say.",
        json_schema_extra=not_null,
    )
    activity: ActivityChoice | None = Field(
        None, description="What its live run says.", json_schema_extra=not_null
    )
    q: Words = Field("", description="Words of name, role, labels or reason.")
    sort: Sort = Field(
        "name", description="With - the largest first. By status: trouble first."
    )

    def order(self) -> Order:
        """The order that is asked for."""
        field = FIELDS[self.sort.removeprefix("-")]
        return Order(field, self.sort.startswith("-"), tie="name")

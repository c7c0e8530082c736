"""Lists in pages: where one ends is a cursor, and the next begins after that row.

A cursor is the sorted value and the tie-break of the last row, signed: it stays true
while rows come and go, and fits no list but its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Self, TypeVar

from django.core import signing
from django.db.models import F, Model, OrderBy, Q, QuerySet
from ninja import Schema
from pydantic import Field, ValidationInfo, model_validator

from agents.api.problems import invalid
from agents.policy.hints import did_you_mean

MOST: Final = 500
USUAL: Final = 100
# Characters of one page, where its rows may be very long.
HEAVIEST: Final = 4_000_000
_SALT: Final = "agenthub.cursor"
_MISFIT: Final = (
    "This is the cursor of another list, or none. Send `next` of the page before, "
    "with the same filters and the same sort; without a cursor the list begins anew."
)

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")
# What a filter may hold: no NUL, which PostgreSQL refuses.
Words = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]


def not_null(schema: dict[str, Any]) -> None:
    """For `json_schema_extra`: a parameter that may be left out, but not be null."""
    kinds = schema.pop("anyOf", ())
    schema.pop("default", None)
    schema.update(next((kind for kind in kinds if kind != {"type": "null"}), {}))


class PageOut(Schema, Generic[Item]):
    """Some of a list, and the cursor of what comes after."""

    items: list[Item]
    next: str | None = Field(
        description="Send it as `cursor` for the next page; null at the end."
    )


class QueryIn(Schema):
    """The parameters of an address; one that it does not know is an error."""

    @model_validator(mode="after")
    def _every_one_is_known(self, told: ValidationInfo) -> Self:
        """Ninja picks out those it knows, and says nothing of the others."""
        given = told.context["request"].GET if told.context else ()
        known = list(type(self).model_fields)
        for name in given:
            if name not in known:
                hint = did_you_mean(name, known) or f"Known: {', '.join(known)}."
                raise invalid({name: f"There is no such parameter. {hint}"})
        return self


class PageIn(QueryIn):
    """How much of a list, and from where."""

    cursor: Words | None = Field(
        None,
        description="`next` of the page before, with the same filters and sort.",
        json_schema_extra=not_null,
    )
    limit: int = Field(USUAL, ge=1, le=MOST, description="How many at most.")


@dataclass(frozen=True, slots=True)
class Order:
    """By `field`, those without a value last, then by `tie`, which is unique."""

    field: str
    descending: bool = False
    tie: str = "pk"

    def __call__(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        """These rows in this order."""
        by = [OrderBy(F(self.field), descending=self.descending, nulls_last=True)]
        if self.tie != self.field:
            by.append(OrderBy(F(self.tie)))
        return rows.order_by(*by)

    def after(self, value: Any, tie: Any) -> Q:
        """What comes after the row with these two."""
        field = self.field
        if self.tie == field:
            return Q(**{f"{field}__{'lt' if self.descending else 'gt'}": value})
        beside = Q(**{f"{self.tie}__gt": tie})
        if value is None:
            return Q(**{f"{field}__isnull": True}) & beside
        further = Q(**{f"{field}__{'lt' if self.descending else 'gt'}": value})
        last = Q(**{f"{field}__isnull": True})
        return further | (Q(**{field: value}) & beside) | last


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """The rows of one page, and the next page's cursor."""

    rows: list[Row]
    next: str | None


def part(
    rows: QuerySet[Row],
    order: Order,
    asked: PageIn,
    whose: str,
    weigh: Callable[[Row], int] | None = None,
) -> Part[Row]:
    """The page that was asked for; a Problem if its cursor is not this list's.

    `whose`: which list it is, as the fields of `asked` may not say it all. `weigh`: how
    many characters a row is, where one may be very many.
    """
    rows = order(rows)
    place = place_of(asked, whose)
    if place is not None:
        rows = rows.filter(order.after(*place))
    found, more = bounded(rows, asked.limit, weigh)
    if not more:
        return Part(found, None)
    value, tie = getattr(found[-1], order.field), getattr(found[-1], order.tie)
    return Part(found, cursor(asked, whose, value, tie))


def bounded(
    rows: QuerySet[Row], limit: int, weigh: Callable[[Row], int] | None
) -> tuple[list[Row], bool]:
    """The first of these, as many as may be sent at once, and whether there are more.

    One is sent however much it is.
    """
    if weigh is None:
        every = list(rows[: limit + 1])
        return every[:limit], len(every) > limit
    found: list[Row] = []
    weight = 0
    # Few at a time: what is not sent is not read either.
    for row in rows[: limit + 1].iterator(chunk_size=10):
        weight += weigh(row)
        if found and (len(found) == limit or weight > HEAVIEST):
            return found, True
        found.append(row)
    return found, False


def cursor(asked: PageIn, whose: str, value: Any, tie: Any) -> str:
    """The cursor of what comes after these two."""
    if isinstance(value, datetime):
        value = {"at": value.isoformat()}
    return signing.dumps([_mark(asked, whose), value, tie], salt=_SALT)


def place_of(asked: PageIn, whose: str) -> tuple[Any, Any] | None:
    """The two of the cursor that was sent; None without one. Raises Problem."""
    if asked.cursor is None:
        return None
    try:
        found, value, tie = signing.loads(asked.cursor, salt=_SALT)
    except (signing.BadSignature, ValueError):
        raise invalid({"cursor": _MISFIT}) from None
    if found != _mark(asked, whose):
        raise invalid({"cursor": _MISFIT})
    if isinstance(value, dict):
        value = datetime.fromisoformat(value["at"])
    return value, tie


def _mark(asked: PageIn, whose: str) -> str:
    """Which list it is, with its filters and its sort."""
    filters = asked.model_dump(mode="json", exclude={"cursor", "limit"})
    told = json.dumps([whose, filters], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]

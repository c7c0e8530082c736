"""The hub as a whole: counts, nodes, providers, and what was used."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import Field

from agents.api.paging import QueryIn, Words
from agents.api.schemas.agent import Moment
from agents.api.schemas.brake import BrakeOut
from agents.models.choices import BudgetPeriod, ProviderKind, StatusChoice
from agents.services.usage import MOST_DAYS

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Usd = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", description="USD.")]
UnknownUsd = Annotated[
    Usd | None, Field(description="USD; null where nobody knows the price.")
]


class HardshipOut(Schema):
    """Why a supervisor cannot write down what it sees."""

    since: Moment
    reason: str


class SummaryOut(Schema):
    """The counts over all agents, and whether anybody supervises them."""

    total_agents: int
    running_agents: int
    running_agent_names: list[str]
    status_counts: dict[StatusChoice, int]
    supervisor_running: bool
    degraded: HardshipOut | None = Field(
        description="While the supervisor waits for the database; agents run on."
    )
    brake: BrakeOut


class NodeOut(Schema):
    """A machine, as its supervisor was last heard of."""

    name: str
    state: Literal["present", "degraded", "left", "silent"] = Field(
        description="degraded: it waits for the database. left: it ended on purpose. "
        "silent: not heard of within its lease; what it runs is unknown."
    )
    degraded: HardshipOut | None
    agents: int = Field(description="So many are set up to run there.")
    pid: int | None = Field(description="Of the supervisor.")
    epoch: int = Field(description="Rises with each supervisor that takes the node.")
    last_seen_at: Moment | None
    lease_until: Moment | None


class ProviderOut(Schema):
    """Where native agents ask models. Its key is nowhere in the API."""

    name: str
    kind: ProviderKind
    base_url: str = Field(description="Empty: the environment's, or the vendor's own.")
    key: str | None = Field(
        description="Where it is from: row, or the environment's variable. Null: none."
    )
    default_model: str
    max_concurrent: int | None = Field(description="Null: no limit.")
    agents: list[str] = Field(description="Those that ask it.")
    check_asked_at: Moment | None
    checked_at: Moment | None
    check_ok: bool | None
    check_detail: str
    known_models: list[str]


class TokensOut(Schema):
    """Tokens. `input` is without the cache, `output` with the reasoning."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int


class SumsOut(Schema):
    """What was used. `unpriced` requests are not in `cost`."""

    requests: int
    unpriced: int
    usage: TokensOut
    cost: UnknownUsd


class OfAgentOut(SumsOut):
    """By one agent, which may be deleted by now."""

    agent: str


class OfModelOut(SumsOut):
    """Of one model."""

    provider: str
    model: str


class OfDayOut(SumsOut):
    """On one day, in UTC."""

    day: Day


class BudgetOut(Schema):
    """A budget and what is spent of it in its day or month, in UTC."""

    scope: Literal["all", "provider", "agent"]
    agent: str | None
    provider: str | None
    period: BudgetPeriod
    limit: Usd
    spent: Usd
    unpriced: int
    percent: int
    state: Literal["ok", "near", "exhausted"]


class UsageOut(Schema):
    """What was used on these days; the dearest first, every day in order."""

    from_: Day = Field(alias="from")
    to: Day
    total: SumsOut
    by_agent: list[OfAgentOut]
    by_model: list[OfModelOut]
    by_day: list[OfDayOut]
    budgets: list[BudgetOut]


class UsageIn(QueryIn):
    """Which days, and whose use."""

    days: int = Field(
        30, ge=1, le=MOST_DAYS, description="The last ones in UTC, with today."
    )
    agent: list[Words] = Field(
        [],
        max_length=100,
        description="A name, also of one that is deleted; repeatable. None: all.",
    )

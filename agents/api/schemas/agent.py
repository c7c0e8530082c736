"""An agent, its runs and its history, as programs read them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field

from agents.models.choices import (
    ActionChoice,
    ActivityChoice,
    DesiredChoice,
    Kind,
    StatusChoice,
)

Moment = Annotated[
    str,
    Field(
        description="UTC, ISO 8601 with Z.", json_schema_extra={"format": "date-time"}
    ),
]


class AgentOut(Schema):
    """One agent: how it is set up in short, what is wanted of it, how it is."""

    name: str
    kind: Kind
    adapter: str
    role: str
    labels: dict[str, str]
    capabilities: list[str]
    node: str
    depends_on: list[dict[str, Any]]
    desired_state: DesiredChoice
    generation: int
    observed_generation: int
    revision: int
    run_revision: int | None
    status: StatusChoice
    status_since: Moment
    reason: str
    source: str
    conditions: list[dict[str, Any]]
    pid: int | None
    run: int | None = Field(description="The number of the live or latest run.")
    restart_count: int
    restarts_total: int
    retry_at: Moment | None
    started_at: Moment | None
    stopped_at: Moment | None
    uptime: float | None = Field(description="Seconds.")
    last_heartbeat_at: Moment | None
    last_output_at: Moment | None
    last_progress_at: Moment | None
    activity: ActivityChoice | None
    activity_note: str
    cpu_percent: float | None
    rss_bytes: int | None
    processes: int | None
    open_files: int | None
    probes: list[dict[str, Any]]


class RunOut(Schema):
    """One life of an agent's program."""

    number: int
    id: str
    agent: str
    pid: int | None
    generation: int
    revision: int
    started_at: Moment | None
    exited_at: Moment | None = Field(description="The end of the program itself.")
    ended_at: Moment | None = Field(description="The end of all that it started.")
    exit_code: int | None = Field(description="128 + n where signal n ended it.")
    reason: str
    restart_number: int
    adopted: bool


class StatusChangeOut(Schema):
    """One line of the history."""

    at: Moment
    from_: StatusChoice = Field(alias="from")
    to: StatusChoice
    reason: str
    source: str
    actor: str
    run: int | None
    agent: str


class RequestOut(Schema):
    """What was asked of an agent, by whom, and what came of it."""

    id: int
    agent: str
    action: ActionChoice
    generation: int
    actor: str
    via: str
    reason: str
    at: Moment
    outcome: Literal["open", "done", "failed", "superseded"]
    detail: str
    settled_at: Moment | None

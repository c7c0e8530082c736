"""Locks on files, as programs ask for them and read them."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.api.paging import PageIn, Words, not_null
from agents.api.problems import ProblemOut
from agents.api.schemas.agent import Moment
from agents.api.schemas.texts import NO_NUL, Name, Reason
from agents.api.waits import LONGEST
from agents.models.choices import ClaimStateChoice, LockModeChoice
from agents.policy import globs
from agents.services.lock_paths import MOST_PATTERNS

Path = Annotated[str, Field(min_length=1, max_length=globs.LONGEST, pattern=NO_NUL)]


class LockIn(Schema):
    """Which files, for whom, and how long to wait for them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workspace: Path = Field(description="A whole path; the directory is there.")
    paths: list[Path] = Field(
        min_length=1,
        max_length=MOST_PATTERNS,
        description="Below the workspace: files, directories, `*`, `?` and `**`.",
    )
    mode: Literal["shared", "exclusive"]
    agent: Name = Field(description="Whose live run is to hold them.")
    wait: float | None = Field(
        None,
        ge=0,
        le=LONGEST,
        allow_inf_nan=False,
        description="Seconds to wait in the queue. Left out: all at once or nothing.",
    )


class LetGoIn(Schema):
    """Why, where somebody else's lock is released."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = ""


class StealIn(Schema):
    """Why its holder loses it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Reason = Field(min_length=1)


class LockOut(Schema):
    """One path that is locked. `fence` rises with each grant in a workspace."""

    id: int
    pattern: str
    mode: LockModeChoice
    agent: str
    task: int | None
    fence: int | None
    expires_at: Moment | None = Field(
        description="null: it lives as long as the run that holds it."
    )


class LocksOut(Schema):
    """All that was asked for."""

    locks: list[LockOut]


class ConflictOut(Schema):
    """What was asked, what it overlaps, and whose that is since when."""

    pattern: str
    held: str
    agent: str
    task: int | None
    since: Moment
    expires_at: Moment | None


class LockProblemOut(ProblemOut):
    """Why nothing is locked. `conflicts`: what is in the way, if that is why."""

    conflicts: list[ConflictOut]


class ListedLockOut(LockOut):
    """A lock and how it is."""

    claim: int = Field(description="The same for paths that were asked for together.")
    workspace: str
    state: ClaimStateChoice
    run: int | None
    asked_by: str | None = Field(description="Whose call it was; null: its task's.")
    asked_at: Moment
    granted_at: Moment | None
    ended_at: Moment | None
    reason: str
    taken_by: str | None = Field(description="Who has taken it away from its holder.")
    position: int | None = Field(description="In the queue: 1 is the next; else null.")
    waits_for: list[ConflictOut]


class LocksIn(PageIn):
    """Which locks, in the order in which they were asked for."""

    workspace: Words = Field("", description="A whole path.")
    agent: Words = ""
    state: ClaimStateChoice | None = Field(
        None,
        json_schema_extra=not_null,
        description="Left out: those that are held or waited for.",
    )

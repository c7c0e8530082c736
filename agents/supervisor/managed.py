"""What the manager keeps in memory of one agent: set-up, wish, sight and live run.

Only the manager's turn changes it, on the event loop.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agents.policy.clock import boot_id, boot_seconds
from agents.policy.reconcile import Facts, Wanted
from agents.policy.setup import AgentSetup
from agents.policy.states import Status
from agents.services.recording import Observed
from agents.supervisor.process.census import ProcessId, TreeKey
from agents.supervisor.process.reaping import Ended

if TYPE_CHECKING:
    from agents.supervisor.output_trouble import Trouble


@dataclass(slots=True)
class LiveRun:
    """A run whose tree may not be empty. Times are seconds on the boot clock.

    `began`: its processes are not older. `proved_at`: the outcome of the request it
    was begun by was known.
    """

    id: uuid.UUID
    number: int
    generation: int
    revision: int
    restart_number: int
    folder: Path
    began: float
    leader: ProcessId | None = None
    pidfd: int | None = None
    by_restart: bool = False
    proved_at: float | None = None
    adopted: bool = False
    rung: str = ""
    rung_at: float = 0.0
    ended: Ended | None = None
    survivors: int = 0
    # By this hub: an earlier one may have ended before it sent what it recorded.
    asked: bool = False
    survivors_asked: bool = False
    killed_at: float | None = None

    @property
    def tree(self) -> TreeKey:
        """What its processes are known by."""
        return TreeKey(self.id, self.leader)

    @property
    def stopping(self) -> bool:
        """Whether the stop ladder has been entered."""
        return bool(self.rung)

    def killed_for(self) -> float:
        """Seconds since this hub first sent KILL; 0 as long as it has not."""
        return 0.0 if self.killed_at is None else boot_seconds() - self.killed_at


@dataclass(slots=True)
class ManagedAgent:
    """One agent under this manager."""

    setup: AgentSetup
    wanted: Wanted
    wanted_by: str
    seen: Observed
    next_run_number: int
    live: LiveRun | None = None
    # The request to settle once its run has proved itself, and when that is.
    proving: tuple[int, float] | None = None
    healthy_at: float | None = None
    samples: list[list[float]] = field(default_factory=list)
    cpu_ticks: tuple[float, int] | None = None
    # What a look at its output's place has shown since the last turn, if anything new.
    output_news: tuple[Trouble | None] | None = None

    @property
    def id(self) -> int:
        """The agent's primary key."""
        return self.setup.id

    @property
    def name(self) -> str:
        """The agent's name."""
        return self.setup.name

    @property
    def status(self) -> Status:
        """What it was last seen to be."""
        return self.seen.status

    @property
    def unproved(self) -> bool:
        """Whether the outcome of the request it was begun by is still open."""
        return self.status is Status.STARTING or self.proving is not None

    def _answers(self) -> bool:
        """Whether the live run is young enough for a restart that was asked."""
        live, made = self.live, self.wanted.made
        if live is None:
            return False
        if live.by_restart and self.unproved:
            return True
        if made is None or made.boot != boot_id():
            return False
        known = live.proved_at if live.by_restart else None
        return made.at < (live.began if known is None else known)

    def facts(self) -> Facts:
        """What the pure rule needs to know."""
        live, retry = self.live, self.seen.retry
        return Facts(
            settled_generation=self.seen.generation,
            run_generation=None if live is None else live.generation,
            answers=self._answers(),
            same_setup=live is not None and live.revision >= self.setup.launch_revision,
            stopping=live is not None and live.stopping,
            retry_due=retry is not None and retry.seconds_until() == 0.0,
        )

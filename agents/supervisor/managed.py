"""What the manager keeps in memory of one agent: set-up, wish, sight and live run.

Only the manager's turn changes it, on the event loop.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agents.policy.clock import boot_id, boot_seconds
from agents.policy.liveness import Signs
from agents.policy.ordering import Other
from agents.policy.probes import AILMENTS, Probe
from agents.policy.reconcile import Facts, Wanted
from agents.policy.setup import AgentSetup
from agents.policy.states import Status
from agents.policy.thresholds import ProbeState
from agents.services.recording import Observed
from agents.supervisor.process.census import ProcessId, TreeKey
from agents.supervisor.process.reaping import Ended

if TYPE_CHECKING:
    from agents.supervisor.output_trouble import Trouble


@dataclass(slots=True)
class LiveRun:
    """A run whose tree may not be empty. Times are seconds on the boot clock.

    `began`: its processes are not older. `proved_at`: the outcome of the request it
    was begun by was known. `ready`: its readiness probes have passed once, or there
    are none. `condemned`: why it is ended though nobody asked. `verdicts`: what is
    said of each probe, by its subject.
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
    executed: bool = False
    ready: bool = False
    condemned: str = ""
    signs: Signs = field(default_factory=lambda: Signs(boot_seconds()))
    verdicts: dict[str, ProbeState] = field(default_factory=dict)
    open_files: int | None = None

    @property
    def tree(self) -> TreeKey:
        """What its processes are known by."""
        return TreeKey(self.id, self.leader)

    @property
    def stopping(self) -> bool:
        """Whether the stop ladder has been entered."""
        return bool(self.rung)

    @property
    def ending(self) -> bool:
        """Whether nothing is left to do with it but to end all of it."""
        return self.stopping or self.ended is not None or bool(self.condemned)

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
    # What a look at its output's place has shown since the last turn, if anything new.
    output_news: tuple[Trouble | None] | None = None
    last_heartbeat_at: datetime | None = None

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

    def hear_heartbeat(self, run_id: uuid.UUID | None, at: datetime | None) -> None:
        """The latest heartbeat of this run: another door may have brought it."""
        live = self.live
        if live is None or live.id != run_id or at is None:
            return
        if at != self.last_heartbeat_at:
            self.last_heartbeat_at = at
            live.signs = replace(live.signs, heartbeat=boot_seconds())

    @property
    def by_signs(self) -> bool:
        """Whether a probe of it judges by signs of life."""
        return any(probe.type.by_signs for probe in self.setup.probes)

    @property
    def healthy(self) -> bool:
        """Whether it runs, and nothing that looks after it says otherwise.

        What asks it has to have passed; of signs of life none has to be overdue.
        """
        live = self.live
        return (
            self.status is Status.RUNNING
            and live is not None
            and not live.condemned
            and not any(one.type in AILMENTS for one in self.seen.conditions)
            and all(
                probe.type.by_signs
                or live.verdicts.get(probe.subject) is ProbeState.PASSING
                for probe in self.setup.probes
            )
        )

    @property
    def unready(self) -> list[Probe]:
        """The readiness probes that the live run still waits for."""
        live = self.live
        if live is None or live.ready:
            return []
        return [
            probe
            for probe in self.setup.probes
            if probe.readiness
            and live.verdicts.get(probe.subject) is not ProbeState.PASSING
        ]

    @property
    def settled(self) -> bool:
        """Whether the last request has been dealt with."""
        return self.wanted.generation <= self.seen.generation

    def as_other(self) -> Other:
        """How it looks to those that depend on it."""
        return Other(
            name=self.name,
            desired=self.wanted.desired,
            settled=self.settled,
            proved=self.proving is None,
            healthy=self.healthy,
            status=self.status,
            reason=self.seen.reason,
            source=self.seen.source,
        )

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

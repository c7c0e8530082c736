"""Adoption: what an earlier hub left running is found and watched again.

This is the normal start, not the exception: a hub may be killed at any instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agents.policy.clock import boot_id, boot_seconds
from agents.policy.liveness import Signs
from agents.policy.states import ALIVE, Desired, Status
from agents.services.recording import Step
from agents.supervisor import death, life
from agents.supervisor.handiwork import Finding, Remains
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.process.census import TICKS_PER_SECOND, ProcessId, TreeKey
from agents.supervisor.store import AgentRecord


def manage(record: AgentRecord) -> ManagedAgent:
    """The record as the manager keeps it; its live run is still to be found."""
    return ManagedAgent(
        setup=record.setup,
        wanted=record.wanted,
        wanted_by=record.wanted_by,
        seen=record.seen,
        next_run_number=record.next_run_number,
        last_heartbeat_at=record.last_heartbeat_at,
    )


def remains(records: Sequence[AgentRecord], runs: Path) -> list[Remains]:
    """What to look for: one for each record, which all have a live run."""
    found = []
    for record in records:
        run = record.live
        assert run is not None
        leader = None
        if run.pid is not None and run.start_ticks is not None:
            leader = ProcessId(run.pid, run.start_ticks)
        key = TreeKey(run.id, leader)
        same = run.boot == boot_id()
        inside = record.setup.native is not None
        found.append(Remains(key, runs / run.folder, same, inside))
    return found


def doubt(agent: ManagedAgent) -> Step | None:
    """A row that says *stopped* or the like over an open run was written by hand:
    nothing is known of it until its processes have been looked for."""
    if agent.status in ALIVE:
        return None
    reason = f"called {agent.status}, but its run is open"
    return life.change(agent, Status.UNKNOWN, reason, "adoption")


def adopt(
    agent: ManagedAgent, record: AgentRecord, there: Remains, finding: Finding
) -> Step:
    """What this start finds of one agent's open run."""
    run = record.live
    assert run is not None
    agent.live = live = LiveRun(
        id=run.id,
        number=run.number,
        generation=run.generation,
        revision=run.revision,
        restart_number=run.restart_number,
        folder=there.folder,
        began=_began(finding),
        leader=finding.leader or there.key.leader,
        pidfd=finding.pidfd,
        executed=finding.leader is not None,
        ready=run.ready_at is not None or agent.status is Status.RUNNING,
        condemned=run.condemned,
        signs=Signs(boot_seconds(), adopted=True),
        adopted=True,
        rung=run.stop_rung,
        rung_at=run.stop_boot_seconds or 0.0,
    )
    if not there.same_boot:
        return death.lost(agent, "the machine was restarted", "boot id")
    if finding.leader is not None:
        return life.adopted(
            agent, f"found alive as pid {finding.leader.pid} and adopted"
        )
    if finding.ended is None:
        return death.lost(agent, _why_lost(agent), "adoption")
    live.ended = finding.ended
    if agent.setup.native is not None:
        # What is left are programs that its tools began.
        live.ended = replace(finding.ended, words=_why_lost(agent), excused=True)
    if finding.survivors:
        return death.leader_ended(agent, live.ended, finding.survivors)
    return death.tree_empty(agent, live.ended)


def _why_lost(agent: ManagedAgent) -> str:
    if agent.setup.native is not None:
        return "the hub it lived in has ended"
    return "the hub ended before the program was spawned"


def _began(finding: Finding) -> float:
    """When it began, on the boot clock: the kernel has noted it."""
    leader = finding.leader
    return boot_seconds() if leader is None else leader.ticks / TICKS_PER_SECOND


def without_run(agent: ManagedAgent) -> Step | None:
    """An agent that was called alive but has no open run is not alive."""
    if agent.live is not None or agent.status not in ALIVE:
        return None
    unsettled = agent.wanted.generation > agent.seen.generation
    if unsettled and agent.wanted.desired is Desired.RUNNING:
        return None  # It was between two runs: the next one follows.
    return life.change(
        agent, Status.STOPPED, "none of its processes is alive", "adoption", pid=None
    )


def in_words(finding: Finding) -> str:
    """One finding for the log."""
    if finding.leader is not None:
        return f"adopted pid {finding.leader.pid}"
    if finding.ended is not None:
        return str(finding.ended)
    return "was never spawned, or the machine was restarted"

"""What happens to one agent, each as a Step to record: the births and the sights.

These functions change the ManagedAgent in memory and return what to write; if the
writing fails for good, the manager forgets all and loads anew. Endings: `death`.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from agents.policy.clock import boot_id, boot_seconds
from agents.policy.liveness import Signs
from agents.policy.redact import masked
from agents.policy.setup import AgentSetup
from agents.policy.states import Action, Outcome, Status
from agents.services import tokens
from agents.services.recording import (
    Observed,
    RunChange,
    RunOpened,
    Settlement,
    Step,
)
from agents.supervisor.handiwork import Order
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.process.spawn import Spawned

# A request to run is called done when the program has lived this long (seconds):
# long enough to notice the many that fail at once, too short to annoy.
PROVING: Final = 0.15

_the_rest: Final = attrgetter(*[field.name for field in fields(Observed)][4:])


def change(
    agent: ManagedAgent, status: Status, reason: str, source: str, **seen: Any
) -> Step:
    """The agent is now seen to be `status`; `since` moves only with the status."""
    before = see(agent, timezone.now(), status, reason, source, **seen)
    return Step(
        agent_id=agent.id,
        agent_name=agent.name,
        before=before.status,
        after=agent.seen,
        base=before,
    )


def see(
    agent: ManagedAgent,
    at: datetime,
    status: Status,
    reason: str,
    source: str,
    **seen: Any,
) -> Observed:
    """What `change` does to the memory; returns what was seen before."""
    before = agent.seen
    since = before.since if before.status is status else at
    # As `replace` does it, in half its time: hundreds are stopped at once.
    after = Observed(status, since, reason, source, *_the_rest(before))
    agent.seen = replace(after, **seen) if seen else after
    return before


def quiet(agent: ManagedAgent, **seen: Any) -> Step:
    """Observed columns change, the status and its reason stay."""
    return change(agent, agent.status, agent.seen.reason, agent.seen.source, **seen)


def begin(agent: ManagedAgent, order: Order, runs: Path) -> Step:
    """A run is about to be spawned: its row comes first, with its token's hash.

    A commanded start clears the counters; an automatic one counts.
    """
    seen, automatic = agent.seen, order.automatic
    count = seen.restart_count + 1 if automatic else 0
    now = timezone.now()
    opened = RunOpened(
        id=order.run_id,
        agent_id=agent.id,
        agent_name=agent.name,
        number=agent.next_run_number,
        generation=agent.wanted.generation,
        restart_number=count,
        revision=agent.setup.revision,
        setup=snapshot(agent.setup),
        boot=boot_id(),
        created_at=now,
        token_hash=tokens.hash_of(order.token) if order.token else "",
    )
    agent.live = LiveRun(
        id=order.run_id,
        number=opened.number,
        generation=opened.generation,
        revision=opened.revision,
        restart_number=count,
        folder=runs / opened.folder,
        began=boot_seconds(),
        signs=Signs(boot_seconds(), after=round(now.timestamp() * 1e9)),
        by_restart=agent.wanted.action is Action.RESTART and not automatic,
    )
    agent.next_run_number += 1
    agent.healthy_at = None
    if automatic:
        reason = f"automatic restart {count}: {seen.reason}"
    else:
        reason = f"{agent.wanted.action} asked by {agent.wanted_by}"
    step = change(
        agent,
        Status.STARTING,
        reason,
        "restart policy" if automatic else "request",
        run_id=order.run_id,
        run_revision=agent.setup.revision,
        pid=None,
        restart_count=count,
        restarts_total=seen.restarts_total + automatic,
        recent_exits=seen.recent_exits if automatic else (),
        started_at=now,
        stopped_at=None,
        retry_at=None,
        retry=None,
        conditions=(),
    )
    actor = "" if automatic else agent.wanted_by
    return replace(step, opened=opened, actor=actor)


def snapshot(setup: AgentSetup) -> dict[str, Any]:
    """What a run was started with; secret values are masked."""
    return {
        "adapter": setup.adapter,
        "command": list(setup.command),
        "cwd": setup.cwd,
        "env": masked(setup.env),
        "stdin": setup.stdin,
        "auto_restart": setup.restart.mode.value,
        "max_restarts": setup.restart.max_restarts,
        "restart_window": setup.restart.window,
        "backoff_initial": setup.restart.backoff_initial,
        "backoff_max": setup.restart.backoff_max,
        "healthy_after": setup.restart.healthy_after,
        "stop_signal": setup.stop_signal,
        "stop_grace": setup.stop_grace,
    } | ({} if setup.native is None else asdict(setup.native))


def refused(agent: ManagedAgent, reason: str) -> Step:
    """The pre-flight says no: crashed at once, no restart is spent."""
    generation = agent.wanted.generation
    step = change(
        agent,
        Status.CRASHED,
        reason,
        "pre-flight",
        generation=generation,
        pid=None,
        stopped_at=timezone.now(),
        retry_at=None,
        retry=None,
    )
    return replace(
        step,
        note=True,
        actor=agent.wanted_by,
        settled=Settlement(generation, Outcome.FAILED, reason),
    )


def spawned(agent: ManagedAgent, process: Spawned | None, executed: bool) -> Step:
    """The run has a process; `executed`: and it is the program already. None: it lives
    inside the hub."""
    live = agent.live
    assert live is not None
    if process is None:
        begun = RunChange(live.id, {"started_at": timezone.now()})
        return replace(has_executed(agent), run_changes=(begun,))
    live.leader = process.leader
    live.pidfd = process.pidfd
    values = {
        "pid": process.leader.pid,
        "start_ticks": process.leader.ticks,
        "started_at": timezone.now(),
    }
    step = has_executed(agent) if executed else quiet(agent, pid=process.leader.pid)
    return replace(step, run_changes=(RunChange(live.id, values),))


def has_executed(agent: ManagedAgent) -> Step:
    """The shim has become the program: it runs, or is waited for to be ready."""
    live = agent.live
    assert live is not None
    live.executed = True
    if agent.setup.native is not None:
        return running(agent, "it waits for tasks inside the hub", "spawn")
    assert live.leader is not None
    if not agent.unready:
        return running(agent, "the program was executed", "spawn")
    awaited = ", ".join(probe.subject for probe in agent.unready)
    reason = f"the program was executed and is to get ready: {awaited}"
    return change(agent, agent.status, reason, "spawn", pid=live.leader.pid)


def running(agent: ManagedAgent, reason: str, source: str) -> Step:
    """The agent runs, the request is being proved."""
    live = agent.live
    assert live is not None
    live.ready = True
    now = boot_seconds()
    if live.generation > agent.seen.generation:
        agent.proving = (live.generation, now + PROVING)
    if agent.seen.restart_count:
        agent.healthy_at = now + agent.setup.restart.healthy_after
    return change(
        agent,
        Status.RUNNING,
        reason,
        source,
        pid=live.leader.pid if live.leader else None,
        generation=max(agent.seen.generation, live.generation),
    )


def proved(agent: ManagedAgent) -> Step:
    """The run has lived long enough to call the request done."""
    assert agent.proving is not None and agent.live is not None
    generation, _ = agent.proving
    agent.proving = None
    agent.live.proved_at = boot_seconds()
    pid = agent.seen.pid
    how = "running inside the hub" if pid is None else f"running as pid {pid}"
    return replace(quiet(agent), settled=Settlement(generation, Outcome.DONE, how))


def already_so(agent: ManagedAgent) -> Step:
    """Nothing to do for the open request: it is settled as it is."""
    generation = agent.wanted.generation
    if agent.proving is not None:
        # The run that is being proved is what is wanted: it speaks for both.
        agent.proving = (generation, agent.proving[1])
        return quiet(agent, generation=generation)
    settled = Settlement(generation, Outcome.DONE, f"already {agent.status}")
    if agent.live is None and agent.status is not Status.STOPPED:
        step = change(
            agent,
            Status.STOPPED,
            f"{agent.wanted.action} asked by {agent.wanted_by}",
            "request",
            generation=generation,
            retry_at=None,
            retry=None,
            stopped_at=agent.seen.stopped_at or timezone.now(),
        )
        settled = Settlement(generation, Outcome.DONE, "stopped")
        return replace(step, actor=agent.wanted_by, settled=settled)
    return replace(quiet(agent, generation=generation), settled=settled)


def proven_healthy(agent: ManagedAgent) -> Step:
    """It has run for `healthy_after`: the counters begin anew, once."""
    agent.healthy_at = None
    seconds = agent.setup.restart.healthy_after
    step = change(
        agent,
        Status.RUNNING,
        f"healthy for {seconds:g} s: the restart counters are 0 again",
        "restart policy",
        restart_count=0,
        recent_exits=(),
    )
    return replace(step, note=True)


def adopted(agent: ManagedAgent, reason: str) -> Step:
    """A process that an earlier hub started is watched again."""
    live = agent.live
    assert live is not None and live.leader is not None
    live.adopted = True
    healthy = agent.setup.restart.healthy_after
    if agent.seen.restart_count:
        agent.healthy_at = max(boot_seconds(), live.began + healthy)
    values: dict[str, Any] = {
        "adopted": True,
        "pid": live.leader.pid,
        "start_ticks": live.leader.ticks,
    }
    if agent.seen.started_at is not None:
        values["started_at"] = agent.seen.started_at
    runs = not (live.stopping or agent.unready)
    status = Status.RUNNING
    if not runs:
        status = Status.STOPPING if live.stopping else Status.STARTING
    step = change(
        agent,
        status,
        reason,
        "adoption",
        pid=live.leader.pid,
        generation=max(agent.seen.generation, live.generation if runs else 0),
    )
    settled = None
    if runs:
        settled = Settlement(live.generation, Outcome.DONE, reason)
    return replace(
        step,
        note=True,
        run_changes=(RunChange(live.id, values),),
        settled=settled,
    )


def heard_of_again(agent: ManagedAgent) -> Step:
    """A web process called it *unknown* while this supervisor was held up."""
    step = quiet(agent)
    after = replace(
        step.after,
        since=timezone.now(),
        reason="the supervisor is heard of again",
        source="supervisor",
    )
    agent.seen = after
    return replace(step, before=Status.UNKNOWN, after=after, base=None, note=True)

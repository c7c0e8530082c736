"""What happens to one agent, each as a Step to record: stopping and endings.

Like `life`: memory changes here, the manager writes what is returned.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from agents.policy import exits, restart
from agents.policy.clock import Moment, Now, boot_id, boot_seconds
from agents.policy.ladder import Rung
from agents.policy.restart import Exit, Verdict
from agents.policy.states import Action, Desired, Outcome, Status
from agents.services.recording import Condition, RunChange, Settlement, Step
from agents.supervisor.life import change, quiet, see
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.process.reaping import Ended

UNKILLABLE: Final = "unkillable"


def climb(agent: ManagedAgent, rung: Rung, why: str, now: Now) -> Step:
    """The next rung of the stop ladder is written down before it is taken."""
    live = agent.live
    assert live is not None
    source = "stop ladder" if live.rung or live.ended else "request"
    if not live.rung and live.condemned and why == live.condemned:
        source = "health"
    live.rung, live.rung_at = rung.name, now.at
    agent.healthy_at = None
    values = {"stop_rung": rung.name, "stop_boot_seconds": live.rung_at}
    name = rung.signal.name.removeprefix("SIG")
    patience = f", {rung.patience:g} s to end" if not rung.whole_tree else ""
    reason = f"{why}; {name} sent{patience}"
    before = see(agent, now.wall, Status.STOPPING, reason, source)
    asked = agent.wanted.generation > agent.seen.generation
    return Step(
        agent_id=agent.id,
        agent_name=agent.name,
        before=before.status,
        after=agent.seen,
        actor=agent.wanted_by if asked else "",
        note=True,
        run_changes=(RunChange(live.id, values),),
        base=before,
    )


def unkillable(agent: ManagedAgent, count: int) -> Step:
    """Even KILL has not ended all of the tree: say so, and go on trying."""
    reason = f"{exits.processes(count)} cannot be killed (KILL was sent)"
    since = timezone.now().isoformat()
    step = change(
        agent,
        Status.STOPPING,
        reason,
        "sweep",
        conditions=(*agent.seen.conditions, Condition(UNKILLABLE, since, reason)),
    )
    return replace(step, note=True)


def leader_ended(agent: ManagedAgent, ended: Ended, survivors: int) -> Step:
    """The program has ended but some of its tree lives on, and is ended too."""
    live = agent.live
    assert live is not None
    live.ended, live.survivors = ended, survivors
    values = {"exited_at": min(ended.at, timezone.now()), "exit_code": ended.code}
    run_changes = (RunChange(live.id, values),)
    what = str(ended)
    rest = f"{exits.processes(survivors)} of its tree still alive"
    if live.stopping:
        return replace(quiet(agent), run_changes=run_changes)
    step = change(agent, Status.STOPPING, f"{what}; {rest}", "sweep")
    return replace(step, run_changes=run_changes)


def tree_empty(agent: ManagedAgent, ended: Ended) -> Step:
    """Nothing of the run is left: it is closed, and what follows is decided."""
    live = agent.live
    assert live is not None
    agent.live = None
    proving, agent.proving = agent.proving, None
    agent.healthy_at = None
    values = _closing(live, ended)
    what = str(ended)
    if agent.wanted.desired is Desired.STOPPED:
        step = _stopped(agent, what, ended)
    elif live.stopping and agent.wanted.generation > max(
        agent.seen.generation, live.generation
    ):
        # A restart, or a start asked during a stop: the next run follows at once.
        step = quiet(agent, pid=None)
        if agent.status is not Status.STOPPING:
            step = change(agent, Status.STOPPING, what, "exit status", pid=None)
    elif ended.excused:
        agent.live = live
        return lost(agent, str(ended), "adoption")
    else:
        step = _ended_by_itself(agent, live, ended, proving is not None)
    return replace(step, run_changes=(RunChange(live.id, values),))


def _closing(live: LiveRun, ended: Ended) -> dict[str, Any]:
    now = timezone.now()
    return {
        "exited_at": min(ended.at, now),
        "exit_code": ended.code,
        "ended_at": now if live.survivors or live.stopping else min(ended.at, now),
        "reason": _what(live, ended),
    }


def _what(live: LiveRun, ended: Ended) -> str:
    what = str(ended)
    return f"{live.condemned}; {what}" if live.condemned else what


def _stopped(agent: ManagedAgent, what: str, ended: Ended) -> Step:
    generation = agent.wanted.generation
    verb = "killed" if agent.wanted.action is Action.KILL else "stopped"
    step = change(
        agent,
        Status.STOPPED,
        f"{verb}, as asked by {agent.wanted_by}: {what}",
        "sweep",
        generation=generation,
        pid=None,
        stopped_at=timezone.now(),
        retry_at=None,
        retry=None,
        conditions=(),
    )
    return replace(
        step,
        actor=agent.wanted_by,
        settled=Settlement(generation, Outcome.DONE, verb),
    )


def _ended_by_itself(
    agent: ManagedAgent, live: LiveRun, ended: Ended, proving: bool
) -> Step:
    """An exit nobody asked for: the restart policy speaks.

    One that the hub itself brought about is a failure, whatever the exit code.
    """
    known = "exit file" if live.adopted else "exit status"
    if agent.setup.native is not None:
        known = "the agent itself"
    code = None if live.condemned else ended.code
    decision, counted = _decide(agent, Exit(code, _what(live, ended)))
    seen = agent.seen
    common: dict[str, Any] = {
        "pid": None,
        "exits_boot": boot_id(),
        "recent_exits": counted,
        "generation": max(seen.generation, live.generation),
        "stopped_at": min(ended.at, timezone.now()),
        "conditions": (),
    }
    asked = proving or live.generation > seen.generation
    if ended.hopeless:
        step = change(agent, Status.CRASHED, str(ended), known, **common)
        outcome, decision = Outcome.FAILED, replace(decision, reason=str(ended))
    elif decision.verdict is Verdict.COMPLETED:
        step = change(agent, Status.STOPPED, decision.reason, known, **common)
        outcome = Outcome.DONE
    elif decision.verdict is Verdict.CRASHED:
        step = change(agent, Status.CRASHED, decision.reason, known, **common)
        outcome = Outcome.FAILED
    else:
        step = _backoff(agent, decision.reason, decision.delay, known, common)
        outcome = Outcome.FAILED
    if not asked:
        return step
    # Not the run's own: a start that was asked while it proved itself joined in.
    settled = Settlement(common["generation"], outcome, decision.reason)
    return replace(step, settled=settled)


def _decide(
    agent: ManagedAgent, ended: Exit
) -> tuple[restart.Decision, tuple[float, ...]]:
    seen, now = agent.seen, boot_seconds()
    policy = agent.setup.restart
    earlier = seen.recent_exits if seen.exits_boot == boot_id() else ()
    decision = restart.decide(
        policy, earlier, seen.restart_count, now, ended, random.random()
    )
    return decision, (*restart.within_window(policy, earlier, now), now)


def _backoff(
    agent: ManagedAgent, reason: str, delay: float, source: str, common: dict[str, Any]
) -> Step:
    return change(
        agent,
        Status.BACKOFF,
        reason,
        source,
        retry_at=timezone.now() + timedelta(seconds=delay),
        retry=Moment.now().later(delay),
        **common,
    )


def not_spawned(agent: ManagedAgent, why: str, *, hopeless: bool) -> Step:
    """The system could not spawn: tried again later, unless it never can."""
    live = agent.live
    assert live is not None
    agent.live = None
    now = timezone.now()
    values = {"ended_at": now, "reason": why}
    generation = max(agent.seen.generation, live.generation)
    decision, counted = _decide(agent, Exit(None, why))
    common: dict[str, Any] = {
        "generation": generation,
        "exits_boot": boot_id(),
        "recent_exits": counted,
        "stopped_at": now,
    }
    if hopeless or decision.verdict is Verdict.CRASHED:
        reason = why if hopeless else decision.reason
        step = change(agent, Status.CRASHED, reason, "spawn", **common)
    else:
        step = _backoff(agent, decision.reason, decision.delay, "spawn", common)
    settled = None
    if live.generation > step.after.generation or agent.wanted.generation >= generation:
        settled = Settlement(generation, Outcome.FAILED, why)
    return replace(step, run_changes=(RunChange(live.id, values),), settled=settled)


def lost(agent: ManagedAgent, reason: str, source: str) -> Step:
    """The run is over and its exit is nobody's fault: begin again if wanted.

    After a reboot, or when a hub ended between writing the run and spawning it.
    No exit is counted against its limit.
    """
    live = agent.live
    assert live is not None
    agent.live = None
    now = timezone.now()
    run_changes = (RunChange(live.id, {"ended_at": now, "reason": reason}),)
    if agent.wanted.desired is Desired.STOPPED:
        generation = agent.wanted.generation
        step = change(
            agent,
            Status.STOPPED,
            reason,
            source,
            pid=None,
            stopped_at=now,
            generation=generation,
        )
        settled = Settlement(generation, Outcome.DONE, reason)
        return replace(step, run_changes=run_changes, settled=settled)
    step = change(
        agent,
        Status.BACKOFF,
        f"{reason}; started again",
        source,
        pid=None,
        stopped_at=now,
        retry_at=now,
        retry=Moment.now(),
    )
    return replace(step, run_changes=run_changes)

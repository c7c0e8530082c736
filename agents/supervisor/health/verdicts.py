"""What is found of an agent's health, and what becomes of the agent, as a Step.

Like `life` and `death`: memory changes here, the manager writes what is returned.
One line for each change, never one for each result.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from django.utils import timezone

from agents.policy.clock import boot_seconds
from agents.policy.probes import AILMENTS, Ailment, OnFailure, Probe, ProbeType
from agents.policy.states import Outcome, Status
from agents.policy.thresholds import ProbeState
from agents.services.recording import Condition, RunChange, Settlement, Step
from agents.supervisor import life
from agents.supervisor.managed import ManagedAgent


@dataclass(frozen=True, slots=True)
class Verdict:
    """A change of what is said of one subject. `waiting`: nothing is, any more.

    Tagged with its run: an old one cannot touch a new run. `restart`: and the run
    shall be ended for it.
    """

    agent_id: int
    run_id: uuid.UUID
    subject: str
    kind: Ailment
    state: ProbeState
    reason: str
    restart: bool = False


def of_probe(
    agent_id: int, run_id: uuid.UUID, probe: Probe, state: ProbeState, why: str
) -> Verdict:
    """A probe's verdict, in words."""
    reason = f"{probe.subject}: {why}"
    if state is ProbeState.PASSING:
        reason = f"{probe.subject} passes again: {why}"
    return Verdict(
        agent_id,
        run_id,
        probe.subject,
        Ailment.SILENT if probe.type is ProbeType.SILENCE else Ailment.UNHEALTHY,
        state,
        reason,
        restart=probe.action is OnFailure.RESTART,
    )


def is_about(condition: Condition, subject: str) -> bool:
    """Whether this condition is an ailment, and about this subject.

    The reason of each begins with its subject.
    """
    return condition.type in AILMENTS and condition.reason.startswith(f"{subject}: ")


def apply(agent: ManagedAgent, verdict: Verdict) -> Step | None:
    """What a verdict changes; None when it is late, or of no consequence.

    What is known already is a step without a line in the history, so that pages and
    dependants look again.
    """
    live = agent.live
    if live is None or live.id != verdict.run_id or live.stopping or live.ended:
        return None
    live.verdicts[verdict.subject] = verdict.state
    if verdict.state is not ProbeState.FAILING:
        return _taken_back(agent, verdict)
    agent.healthy_at = None
    if verdict.restart:
        return condemned(agent, verdict.kind, verdict.reason)
    if any(is_about(one, verdict.subject) for one in agent.seen.conditions):
        return life.quiet(agent)  # Said before this hub was started.
    return _told(agent, verdict.reason, _also(agent, verdict.kind, verdict.reason))


def condemned(agent: ManagedAgent, kind: Ailment, reason: str) -> Step | None:
    """The run will be ended for this: written down before the ladder is entered.

    The history tells it with the first rung, which follows at once.
    """
    live = agent.live
    assert live is not None
    if live.condemned:
        return None
    live.condemned = reason
    step = life.quiet(agent, conditions=_also(agent, kind, reason))
    return replace(step, run_changes=(RunChange(live.id, {"condemned": reason}),))


def _told(agent: ManagedAgent, what: str, conditions: tuple[Condition, ...]) -> Step:
    """A line of the history; the status and its reason stay."""
    step = life.quiet(agent, conditions=conditions)
    return replace(step, note=True, told=what, told_by="probe")


def _also(agent: ManagedAgent, kind: Ailment, reason: str) -> tuple[Condition, ...]:
    since = timezone.now().isoformat()
    return (*agent.seen.conditions, Condition(kind, since, reason))


def _taken_back(agent: ManagedAgent, verdict: Verdict) -> Step:
    stand = agent.seen.conditions
    left = tuple(one for one in stand if not is_about(one, verdict.subject))
    if len(left) == len(stand):
        return life.quiet(agent)
    healthy = not any(one.type in AILMENTS for one in left)
    if healthy and agent.seen.restart_count and agent.status is Status.RUNNING:
        agent.healthy_at = boot_seconds() + agent.setup.restart.healthy_after
    return _told(agent, verdict.reason, left)


def ready(agent: ManagedAgent) -> Step:
    """All readiness probes have passed: now it runs."""
    live = agent.live
    assert live is not None
    probes = [probe.subject for probe in agent.setup.probes if probe.readiness]
    reason = f"ready: {', '.join(probes)} passed" if probes else "ready"
    step = life.running(agent, reason, "probe")
    left = tuple(one for one in agent.seen.conditions if one.type != Ailment.NOT_READY)
    agent.seen = replace(agent.seen, conditions=left)
    values = {"ready_at": timezone.now()}
    return replace(step, after=agent.seen, run_changes=(RunChange(live.id, values),))


def never_ready(agent: ManagedAgent, probe: Probe, why: str) -> Step | None:
    """It had `start_timeout` seconds to get ready; its request is settled as failed."""
    reason = f"{probe.subject}: not ready after {probe.start_timeout:g} s"
    reason = f"{reason}, {why}" if why else reason
    if probe.action is OnFailure.RESTART:
        return condemned(agent, Ailment.NOT_READY, reason)
    if any(is_about(one, probe.subject) for one in agent.seen.conditions):
        return None
    live = agent.live
    assert live is not None
    generation = max(agent.seen.generation, live.generation)
    agent.seen = replace(agent.seen, generation=generation)
    step = _told(agent, reason, _also(agent, Ailment.NOT_READY, reason))
    return replace(step, settled=Settlement(generation, Outcome.FAILED, reason))

"""The read side of one agent's health: its probes and signs of life, to be printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agents.models import Agent
from agents.models.choices import ActivityChoice, Kind
from agents.policy.probes import OnFailure, Probe, ProbeType, parse
from agents.policy.states import ALIVE
from agents.policy.thresholds import ProbeState
from agents.services import figures, shapes
from agents.services.figures import Stamp

LABELS: Final = {
    ProbeState.WAITING: "Waiting",
    ProbeState.PASSING: "Passing",
    ProbeState.FAILING: "Failing",
}
FIELDS: Final = (
    "kind",
    "run",
    "heartbeat_run",
    "activity",
    "activity_note",
    "status",
    "started_at",
    "probes",
    "probe_states",
    "heartbeat_interval",
    "memory_limit",
    "last_output_at",
    "last_progress_at",
    "last_heartbeat_at",
)


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One probe, and what it said last; no `since` before it said anything."""

    name: str
    about: str
    state: str
    label: str
    since: Stamp | None
    detail: str
    action: str


@dataclass(frozen=True, slots=True)
class SignView:
    """One clock, and when it last moved in this run."""

    name: str
    at: Stamp | None


@dataclass(frozen=True, slots=True)
class SaidView:
    """What an agent says that it does."""

    activity: str
    label: str
    note: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """The agent's probes and clocks. `alive`: somebody looks at them now; `said`: of a
    native agent that stands with its tasks."""

    alive: bool
    probes: tuple[ProbeView, ...]
    signs: tuple[SignView, ...]
    memory_limit: str
    said: SaidView | None


def health_view(agent: Agent) -> HealthView:
    """What is known of its health."""
    alive = agent.status in ALIVE
    states = {(one["name"], one["type"]): one for one in agent.probe_states}
    signs = {
        "Output": agent.last_output_at,
        "CPU time": agent.last_progress_at,
        "Heartbeat": shapes.last_heartbeat(agent),
    }
    limit = agent.memory_limit
    return HealthView(
        alive=alive,
        probes=tuple(
            _probe_view(probe, states.get((probe.name, probe.type.value), {}), alive)
            for probe in parse(agent.probes, agent.heartbeat_interval)
        ),
        signs=tuple(
            SignView(name, figures.stamp_or_none(at if alive else None))
            for name, at in signs.items()
        ),
        memory_limit="" if limit is None else figures.size(limit),
        said=None if agent.kind == Kind.NATIVE_LLM else said_view(agent),
    )


def said_view(agent: Agent) -> SaidView | None:
    """None where its live run has said nothing."""
    said = shapes.says(agent)
    if not said.activity and not said.note:
        return None
    label = str(ActivityChoice(said.activity).label) if said.activity else ""
    return SaidView(said.activity, label, said.note)


def _probe_view(probe: Probe, said: dict[str, Any], alive: bool) -> ProbeView:
    state = ProbeState(said.get("state", "waiting")) if alive else ProbeState.WAITING
    since = str(said.get("since", "")) if alive and said.get("at") else ""
    return ProbeView(
        name=probe.name,
        about=_about(probe),
        state=state.value,
        label=LABELS[state] if alive else "Not looked at",
        since=figures.stamp(datetime.fromisoformat(since)) if since else None,
        detail=str(said.get("detail", "")) if alive else "",
        action="restarts it" if probe.action is OnFailure.RESTART else "",
    )


def _about(probe: Probe) -> str:
    """What it looks at, in a few words."""
    match probe.type:
        case ProbeType.EXEC:
            return f"runs {probe.command[0].rpartition('/')[2]}"
        case ProbeType.HTTP:
            return probe.url.partition("?")[0]
        case ProbeType.TCP:
            return f"{probe.host}, port {probe.port}"
        case ProbeType.SILENCE:
            return f"no sign of life for {figures.seconds(probe.seconds)}"
        case ProbeType.HEARTBEAT:
            return f"{probe.file} is touched within {figures.seconds(probe.seconds)}"

"""The read side of one agent: everything its page says, as frozen values.

What may enter: what is known of one agent, ready to be printed; secrets never.
"""

from __future__ import annotations

import shlex
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Request, Run, StatusChange
from agents.models.choices import (
    ActionChoice,
    AutoRestart,
    DesiredChoice,
    Outcome,
    StatusChoice,
)
from agents.policy import redact
from agents.policy.dependencies import read
from agents.policy.states import ALIVE, Status
from agents.services import agent_health, agent_work, dependencies, figures, nodes
from agents.services.agent_health import HealthView, health_view
from agents.services.agent_work import NativeView, WorkView
from agents.services.figures import Sparkline, Stamp
from agents.services.overview import AgentRow, Supervision, row, supervision

FIGURES: Final = ("cpu_percent", "rss_bytes", "processes", "open_files", "samples")
SHOWN_RUNS: Final = 10
NEWEST_RUNS: Final = 7
SHOWN_CHANGES: Final = 30
SHOWN_REQUESTS: Final = 10
SHOWN_LATELY: Final = 12
# What a full sparkline means at least: one core, and 32 MB.
CPU_FLOOR: Final = 100.0
MEMORY_FLOOR: Final = 32.0 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of the agent."""

    id: uuid.UUID
    number: int
    pid: str
    began: Stamp
    ended: Stamp | None
    lasted: str
    exit_code: str
    failed: bool
    reason: str
    restart_number: int
    adopted: bool
    folder: str

    @property
    def live(self) -> bool:
        """Whether its tree may still hold a process."""
        return self.ended is None


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One line of the history; a note when the status stayed."""

    id: int
    agent: str
    url: str
    at: Stamp
    was: str
    was_label: str
    status: str
    status_label: str
    reason: str
    source: str
    actor: str
    run: int | None


@dataclass(frozen=True, slots=True)
class RequestView:
    """One wish and what became of it."""

    id: int
    action: str
    actor: str
    via: str
    reason: str
    at: Stamp
    outcome: str
    outcome_label: str
    detail: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An agent that this one depends on, or the other way round."""

    name: str
    url: str
    condition: str


@dataclass(frozen=True, slots=True)
class SetupView:
    """How the agent is set up; secret values are masked."""

    command: str
    cwd: str
    env: tuple[tuple[str, str], ...]
    stdin: str
    restart: str
    stop: str
    adapter: str
    node: str
    native: NativeView | None
    capabilities: tuple[str, ...]
    depends_on: tuple[Neighbour, ...]
    needed_by: tuple[Neighbour, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class FiguresView:
    """What the agent's processes use."""

    cpu: str
    memory: str
    processes: str
    open_files: str
    cpu_line: Sparkline | None
    memory_line: Sparkline | None
    cpu_peak: str
    memory_peak: str


@dataclass(frozen=True, slots=True)
class Vitals:
    """What changes every two seconds: what it uses, and how it is."""

    figures: FiguresView
    health: HealthView


@dataclass(frozen=True, slots=True)
class AgentDetail:
    """Everything about one agent."""

    row: AgentRow
    source: str
    actor: str
    wanted: str
    wanted_label: str
    generation: int
    settled: bool
    older_setup: str
    retry_at: Stamp | None
    started_at: Stamp | None
    pid: int | None
    setup: SetupView
    vitals: Vitals
    run: RunView | None
    runs: tuple[RunView, ...]
    changes: tuple[ChangeView, ...]
    requests: tuple[RequestView, ...]
    supervision: Supervision
    # Whether a run of it may live.
    alive: bool
    # What it is asked to do; None for a program, which takes no tasks.
    work: WorkView | None


def detail(agent_id: int) -> AgentDetail | None:
    """One agent, in six queries; None when it is gone."""
    agent = Agent.every.select_related("run").filter(pk=agent_id).first()
    if agent is None:
        return None
    changes = StatusChange.objects.filter(agent=agent).select_related("run")
    shown = tuple(change_view(one) for one in changes[:SHOWN_CHANGES])
    status = Status(agent.status)
    return AgentDetail(
        row=row(agent),
        source=agent.status_source,
        actor=shown[0].actor if shown else "",
        wanted=agent.desired_state,
        wanted_label=str(DesiredChoice(agent.desired_state).label),
        generation=agent.generation,
        settled=agent.generation == agent.observed_generation,
        older_setup=_older_setup(agent),
        retry_at=figures.stamp_or_none(
            agent.retry_at if status is Status.BACKOFF else None
        ),
        started_at=figures.stamp_or_none(agent.started_at if status in ALIVE else None),
        pid=agent.pid,
        setup=setup_view(agent),
        vitals=vitals_view(agent),
        run=run_view(agent.run) if agent.run else None,
        runs=tuple(run_view(one) for one in agent.runs.all()[:SHOWN_RUNS]),
        changes=shown,
        requests=tuple(
            request_view(one) for one in agent.requests.all()[:SHOWN_REQUESTS]
        ),
        supervision=supervision(nodes.LOCAL if agent.external else agent.node),
        alive=status in ALIVE,
        work=agent_work.work_view(agent),
    )


def vitals_of(agent_id: int) -> Vitals | None:
    """Only what changes every two seconds."""
    shown = (*FIGURES, *agent_health.FIELDS)
    agent = Agent.every.only(*shown).filter(pk=agent_id).first()
    return vitals_view(agent) if agent else None


def vitals_view(agent: Agent) -> Vitals:
    """Both halves of it."""
    return Vitals(figures_view(agent), health_view(agent))


def figures_view(agent: Agent) -> FiguresView:
    """The latest figures and the curves that led to them."""
    cpu = [float(pair[0]) for pair in agent.samples if pair[0] is not None]
    memory = [float(pair[1]) for pair in agent.samples if pair[1] is not None]
    return FiguresView(
        cpu=figures.percent(agent.cpu_percent),
        memory=figures.size(agent.rss_bytes),
        processes=str(agent.processes or figures.NOTHING),
        open_files=str(agent.open_files or figures.NOTHING),
        cpu_line=figures.sparkline(cpu, CPU_FLOOR),
        memory_line=figures.sparkline(memory, MEMORY_FLOOR),
        cpu_peak=figures.percent(max(cpu, default=None)),
        memory_peak=figures.size(max(memory, default=None)),
    )


def setup_view(agent: Agent) -> SetupView:
    """The set-up as it is now, which may be newer than what runs."""
    return SetupView(
        command=shlex.join(agent.command),
        cwd=agent.cwd,
        env=tuple(sorted(redact.masked(agent.env).items())),
        stdin=agent.get_stdin_display(),
        restart=_restart_words(agent),
        stop=f"SIG{agent.stop_signal.upper().removeprefix('SIG')}, then KILL after "
        f"{figures.seconds(agent.stop_grace)}",
        adapter=agent.get_adapter_display(),
        node=agent.node,
        native=agent_work.native_view(agent),
        capabilities=tuple(agent.capabilities),
        depends_on=tuple(
            _neighbour(one.agent, one.condition) for one in read(agent.depends_on)
        ),
        needed_by=tuple(
            _neighbour(name, condition)
            for name, condition in dependencies.needing(agent.name)
        ),
        revision=agent.revision,
    )


def _neighbour(name: str, condition: str) -> Neighbour:
    return Neighbour(name, reverse("agent", args=[name]), condition)


def _restart_words(agent: Agent) -> str:
    if agent.auto_restart == AutoRestart.NEVER:
        return "never"
    when = "always" if agent.auto_restart == AutoRestart.ALWAYS else "after a failure"
    limit = (
        "without a limit"
        if agent.max_restarts is None
        else f"at most {figures.counted(agent.max_restarts, 'time')} within "
        f"{figures.seconds(agent.restart_window)}"
    )
    waits = (
        f"waiting {figures.seconds(agent.backoff_initial)} up to "
        f"{figures.seconds(agent.backoff_max)}"
    )
    return f"{when}, {limit}, {waits}"


def _older_setup(agent: Agent) -> str:
    if not agent.runs_older_setup:
        return ""
    return (
        f"revision {agent.run_revision}, and the set-up is at revision {agent.revision}"
    )


def run_view(run: Run) -> RunView:
    """One run; before its spawn it begins when it was recorded."""
    began = run.started_at or run.created_at
    return RunView(
        id=run.pk,
        number=run.number,
        pid=str(run.pid or figures.NOTHING),
        began=figures.stamp(began),
        ended=figures.stamp_or_none(run.ended_at),
        lasted=_lasted(began, run.ended_at),
        exit_code=figures.NOTHING if run.exit_code is None else str(run.exit_code),
        # A run without a process has no exit code, and that is no failure of it.
        failed=run.ended_at is not None and run.exit_code != 0 and not run.leased,
        reason=run.reason,
        restart_number=run.restart_number,
        adopted=run.adopted,
        folder=run.folder,
    )


def _lasted(began: datetime, ended: datetime | None) -> str:
    return figures.seconds(((ended or timezone.now()) - began).total_seconds())


def change_view(change: StatusChange) -> ChangeView:
    """One line of the history; fetch it with `select_related("run")`."""
    return ChangeView(
        id=change.pk,
        agent=change.agent_name,
        url=reverse("agent", args=[change.agent_name]),
        at=figures.stamp(change.at),
        was=change.from_status,
        was_label=str(StatusChoice(change.from_status).label),
        status=change.to_status,
        status_label=str(StatusChoice(change.to_status).label),
        reason=change.reason,
        source=change.source,
        actor=change.actor,
        run=change.run.number if change.run else None,
    )


def lately() -> tuple[ChangeView, ...]:
    """The newest lines of all people's agents' histories."""
    theirs = StatusChange.objects.exclude(agent__internal=True)
    newest = theirs.select_related("run")[:SHOWN_LATELY]
    return tuple(change_view(one) for one in newest)


def request_view(request: Request) -> RequestView:
    """One wish."""
    return RequestView(
        id=request.pk,
        action=str(ActionChoice(request.action).label),
        actor=request.actor,
        via=request.via,
        reason=request.reason,
        at=figures.stamp(request.at),
        outcome=request.outcome or "open",
        outcome_label=str(Outcome(request.outcome).label),
        detail=request.detail,
    )


def run_of(agent_id: int, number: int) -> RunView | None:
    """One run by its number."""
    run = Run.objects.filter(agent_id=agent_id, number=number).first()
    return run_view(run) if run else None


def latest_run(agent_id: int) -> RunView | None:
    """The agent's live run, else its latest one."""
    return next(iter(runs_from(agent_id, 0)[-1:]), None)


def runs_from(agent_id: int, number: int) -> list[RunView]:
    """The latest few runs that are not before this number, in order."""
    runs = Run.objects.filter(agent_id=agent_id, number__gte=number)
    newest = runs.order_by("-number")[:NEWEST_RUNS]
    return [run_view(run) for run in reversed(newest)]

"""One sweep for all agents, now and then: what their trees use, and signs of life."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.utils import timezone

from agents.policy.clock import boot_seconds
from agents.policy.liveness import Look
from agents.policy.probes import ProbeType
from agents.services import measures
from agents.services.measures import Sample
from agents.supervisor.managed import LiveRun, ManagedAgent
from agents.supervisor.process import census, portable
from agents.supervisor.process.census import TICKS_PER_SECOND, Census, Process, TreeKey
from agents.supervisor.process.sieve import Sieve
from agents.supervisor.store import Store

KEEP: Final = 60
# With many agents, open files are counted of so small a part of them each time.
PARTS: Final = 6
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PROC: Final = os.path.exists("/proc/self/stat")
_count_files: Final[Callable[[int], int]] = (
    census.open_files if _PROC else portable.open_files
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A run to look at. `beat`: its heartbeat file; `files`: count open ones too."""

    agent_id: int
    tree: TreeKey
    folder: str
    beat: str
    files: bool


@dataclass(frozen=True, slots=True)
class Load:
    """What one tree uses: bytes, processes, open files (None: not counted)."""

    look: Look
    rss_bytes: int
    processes: int
    open_files: int | None


def period(alive: int) -> float:
    """Seconds between sweeps: a few agents are watched more closely."""
    return 2.0 if alive <= 50 else 5.0 if alive <= 200 else 10.0


def to_sample(
    agents: Sequence[ManagedAgent], homes: Path, number: int
) -> list[Sampled]:
    """The runs to look at in the sweep of this number."""
    many = len(agents) > 50
    return [
        Sampled(
            agent.id,
            live.tree,
            str(live.folder),
            _heartbeat_file(agent, homes),
            not many or (agent.id + number) % PARTS == 0,
        )
        for agent in agents
        if (live := agent.live) is not None and live.leader is not None
    ]


def _heartbeat_file(agent: ManagedAgent, homes: Path) -> str:
    for probe in agent.setup.probes:
        if probe.type is ProbeType.HEARTBEAT:
            cwd = os.path.expanduser(agent.setup.cwd) or homes / agent.name
            return os.path.join(cwd, probe.file)
    return ""


def touched(agent: ManagedAgent, live: LiveRun, load: Load) -> datetime | None:
    """Now, if this look has found its heartbeat file touched."""
    if live.signs.heartbeat != load.look.at:
        return None
    agent.last_heartbeat_at = timezone.now()
    return agent.last_heartbeat_at


async def hear(agents: Sequence[ManagedAgent], store: Store) -> None:
    """Heartbeats that came by other doors, of who is judged by signs of life."""
    judged = {
        live.id: agent
        for agent in agents
        if (live := agent.live) is not None and agent.by_signs
    }
    if judged:
        heard = await store.call(measures.heartbeats, judged)
        for run_id, at in heard.items():
            judged[run_id].hear_heartbeat(run_id, at)


class Meter:
    """Measures again and again, in the sampler's own thread.

    By /proc, or by psutil where there is none.
    """

    def __init__(self) -> None:
        self._sieve = Sieve() if _PROC else None
        self._census = Census(self._sieve or portable.sweep)
        self._members: list[int] = []

    def measure(self, runs: Sequence[Sampled]) -> dict[uuid.UUID, Load]:
        """One sweep."""
        keys = [run.tree for run in runs]
        if self._sieve is not None:
            leaders = [key.leader.pid for key in keys if key.leader is not None]
            self._sieve.ours([*leaders, *self._members])
        trees = self._census.trees(self._census.take(), keys)
        self._members = [process.pid for tree in trees.values() for process in tree]
        at = boot_seconds()
        return {run.tree.run_id: _load(run, trees[run.tree.run_id], at) for run in runs}


def _load(run: Sampled, tree: Sequence[Process], at: float) -> Load:
    cpu = sum(process.cpu_ticks for process in tree) / TICKS_PER_SECOND
    written = _size(f"{run.folder}/out") + _size(f"{run.folder}/err")
    return Load(
        look=Look(at, cpu, written, _beat(run.beat)),
        rss_bytes=sum(process.rss_pages for process in tree) * _PAGE,
        processes=len(tree),
        open_files=sum(_count_files(p.pid) for p in tree) if run.files else None,
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _beat(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns if path else None
    except (OSError, ValueError):
        return None


def take_in(agent: ManagedAgent, live: LiveRun, load: Load) -> Sample:
    """Keep what was seen in memory; the row to store."""
    percent = round(live.signs.cpu_percent(load.look), 1)
    live.signs = live.signs.take(load.look)
    agent.samples = [*agent.samples[1 - KEEP :], [percent, load.rss_bytes]]
    if load.open_files is not None:
        live.open_files = load.open_files
    now, boot_now = timezone.now(), load.look.at

    def moment(at: float | None) -> datetime | None:
        return None if at is None else now - timedelta(seconds=boot_now - at)

    return Sample(
        agent_id=agent.id,
        cpu_percent=percent,
        rss_bytes=load.rss_bytes,
        processes=load.processes,
        samples=agent.samples,
        open_files=live.open_files,
        last_output_at=moment(live.signs.output),
        last_progress_at=moment(live.signs.progress),
    )

"""Whether what agents write can be kept: the disk has room and the file is there.

A program that cannot write its output is not stopped for it; a person is told.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from django.utils import timezone

from agents.services.recording import Condition, Step
from agents.supervisor.life import quiet
from agents.supervisor.managed import ManagedAgent
from agents.supervisor.retention import MIB

LEAST_FREE: Final = MIB


@dataclass(frozen=True, slots=True)
class Trouble:
    """A type of condition, and why an agent is in it."""

    type: str
    reason: str


DISK_FULL: Final = Trouble(
    "disk_full",
    "the disk that keeps its output is full: what it writes now may be lost",
)
OUTPUT_GONE: Final = Trouble(
    "output_gone", "its output files were removed: what it writes now is lost"
)
TYPES: Final = frozenset({DISK_FULL.type, OUTPUT_GONE.type})


def look(
    runs: Iterable[Path], gone: Collection[Path], disk: Path
) -> dict[Path, Trouble | None]:
    """What is wrong with the output of live runs, by folder; blocking.

    `gone`: those of which a file is missing; `disk`: a folder on the disk of all.
    """
    trouble = DISK_FULL if _is_full(disk) else None
    return {run: OUTPUT_GONE if run in gone else trouble for run in runs}


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False  # It is gone: so are the files in it, which is told.
    # What is set aside for root is there for root's agents.
    blocks = disk.f_bavail if os.geteuid() else disk.f_bfree
    return blocks * disk.f_frsize < LEAST_FREE


def differs(agent: ManagedAgent, trouble: Trouble | None) -> bool:
    """Whether the agent's conditions say something else."""
    said = {one.type for one in agent.seen.conditions} & TYPES
    return said != ({trouble.type} if trouble else set())


def note(agent: ManagedAgent, trouble: Trouble | None) -> Step:
    """Its condition begins or ends; the status and its reason stay."""
    others = tuple(one for one in agent.seen.conditions if one.type not in TYPES)
    if trouble is None:
        return replace(
            quiet(agent, conditions=others),
            note=True,
            told="its output can be written again",
            told_by="disk",
        )
    since = timezone.now().isoformat()
    condition = Condition(trouble.type, since, trouble.reason)
    return replace(
        quiet(agent, conditions=(*others, condition)),
        note=True,
        told=trouble.reason,
        told_by="disk",
    )

"""The standard input of a run that nobody started, as its processes would have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.models import Agent, Run
from tests.harness.recorded import run_of


def run_with_input(agent: Agent, data: Path) -> tuple[Run, Path]:
    """A live run and its named pipe, which nobody has open yet."""
    run = run_of(agent)
    Run.objects.filter(pk=run.pk).update(setup={"stdin": "fifo"})
    path = data / "runs" / run.folder / "stdin"
    path.parent.mkdir(parents=True)
    os.mkfifo(path, 0o600)
    return run, path


@contextmanager
def held_open(path: Path) -> Iterator[int]:
    """Open for both, as a program has it; a read of nothing does not wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

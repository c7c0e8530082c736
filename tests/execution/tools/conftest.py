"""A workspace with something outside of it, and the toolbox in it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.execution.tools import toolbox
from agents.execution.tools.tool import Outcome, Surroundings
from tests.harness.processes import be_subreaper, kill_marked

Call = Callable[..., Outcome]


async def nobody(question: str) -> str:
    raise AssertionError(f"nobody was to be asked: {question}")


async def free_for_all(path: str) -> None:
    """Nobody else writes."""


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the workspace, with a file that nobody may read."""
    path = tmp_path / "outside"
    path.mkdir()
    (path / "secret.txt").write_text("the secret\n")
    return path


@pytest.fixture
def workspace(tmp_path: Path, outside: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    return path


@pytest.fixture
def around(workspace: Path, tmp_path: Path) -> Iterator[Surroundings]:
    """The surroundings of an agent without commands; nothing may be left of it."""
    folder = tmp_path / "run"
    folder.mkdir()
    run_id = uuid.uuid4()
    be_subreaper(True)
    try:
        yield Surroundings(
            workspace=workspace,
            run_id=run_id,
            folder=folder,
            env={},
            inherited={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            marks={"AGENTHUB_RUN": str(run_id), "AGENTHUB_AGENT": "worker"},
            agent="worker",
            allow_commands=False,
            ask=nobody,
            lock=free_for_all,
        )
    finally:
        be_subreaper(False)
        assert kill_marked([run_id]) == {}
        assert list(folder.glob("commands/*")) == []


@pytest.fixture
def free(around: Surroundings) -> Surroundings:
    """The same for an agent that may run commands."""
    return replace(around, allow_commands=True)


@pytest.fixture
def call(around: Surroundings) -> Call:
    """Call a tool by name, as the loop does."""

    def call(name: str, around: Surroundings = around, **arguments: Any) -> Outcome:
        return asyncio.run(toolbox.call(name, arguments, around))

    return call


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }

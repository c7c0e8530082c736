"""A supervisor with a data directory of its own, and agents for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.harness.supervisor import Cast, Supervisor


@pytest.fixture
def data(tmp_path: Path, settings: Settings) -> Path:
    """The data directory that the settings name."""
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    settings.AGENTHUB_DATA_DIR = path
    return path


@pytest.fixture
def idle(transactional_db: None, data: Path) -> Iterator[Supervisor]:
    """A supervisor that has yet to be started."""
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        supervisor.sweep_up()


@pytest.fixture
def supervisor(idle: Supervisor) -> Supervisor:
    """A supervisor at work."""
    return idle.start()


@pytest.fixture
def cast(tmp_path: Path, data: Path, transactional_db: None) -> Cast:
    """`cast("echo")` makes an agent; see tests/harness/program.py for the modes."""
    return Cast(tmp_path)

"""An arena for all tests of a module, with a data directory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.torture.arena import Arena


@pytest.fixture(scope="module")
def data(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Path]:
    """Where hubs live; its database is this process's own meanwhile.

    Not the test database, which is emptied between tests: the hubs go on.
    """
    data = tmp_path_factory.mktemp("torture") / "data"
    data.mkdir(mode=0o700)
    usual = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = data / "agenthub.sqlite3"
        call_command("migrate", verbosity=0)
        yield data
        connection.close()
        connection.settings_dict["NAME"] = usual


@pytest.fixture(scope="module")
def arena(data: Path) -> Iterator[Arena]:
    """Ten agents, one of each temperament, and no hub yet."""
    arena = Arena(data.parent, data, agents=10, seed="short")
    try:
        yield arena
    finally:
        arena.close()
    assert arena.witness.verdict.breaches == []

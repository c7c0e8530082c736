"""How a command ends: its exit code, also when the database does not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder

from agents.management.agentctl.terminal import Terminal

NO_TABLES: Final = (
    "There is nothing here: this data directory has had no hub yet. "
    "Start one with `manage.py hub`."
)
NO_ANSWER: Final = "The database does not answer: {error}. {advice}"


def leave_with(code: Callable[[], int], terminal: Terminal, advice: str) -> None:
    """Do it, and leave with its exit code unless that is 0; `advice`: what to do when
    the database does not answer."""
    try:
        ended = code()
        terminal.out.flush()
    except BrokenPipeError:
        terminal.forget_stdout()  # Whoever read it has seen enough.
        return
    except DatabaseError as error:
        if not _has_tables():
            terminal.note(NO_TABLES)
        elif isinstance(error, OperationalError):
            terminal.note(NO_ANSWER.format(error=error, advice=advice))
        else:
            raise
        ended = 1
    if ended:
        sys.exit(ended)


def _has_tables() -> bool:
    return MigrationRecorder(connection).has_table()

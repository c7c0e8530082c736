"""A hub that is killed in the middle of a call: what it had not committed is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import connection


class Killed(BaseException):
    """No code of a killed process runs any more, so nothing is to catch this."""


def dies_at(statement: int, call: Callable[[], Any]) -> Any:
    """Call, and die when the SQL statement of this number is to be executed: raises
    Killed, also where the call has come to its end before it.

    The connection is closed, as the kernel would: SQLite rolls back. A process of its
    own that is killed by the kernel is in tests/torture; this one can be killed ten
    thousand times.
    """
    left = statement

    def executing(execute: Any, *what: Any) -> Any:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Killed
        return execute(*what)

    try:
        with connection.execute_wrapper(executing):
            call()
        raise Killed
    finally:
        connection.close()


def emptied() -> None:
    """Forget all that is in the product's own tables: another example begins."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        for model in apps.get_app_config("agents").get_models():
            cursor.execute(f"DELETE FROM {quote(model._meta.db_table)}")
        cursor.execute("PRAGMA foreign_keys = ON")

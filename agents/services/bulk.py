"""One prepared statement for many rows: a hundred times faster than bulk_update.

Models, column names and values enter; SQL is made here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

# Their values are bound as they are, which saves most of the time of a statement.
_PLAIN: Final = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.FloatField,
    models.BooleanField,
)

# As json.dumps does it, which Django calls for each value with a new encoder.
_encode: Final = json.JSONEncoder().encode

Field: TypeAlias = "models.Field[Any, Any]"


def update_many(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[tuple[Sequence[Any], Any, Any]],
    guard: str = "",
) -> int:
    """Write (values, key, guard's value) to each row; how many rows took it.

    `guard`: a column that must have the third value, or the row stays as it is.
    """
    if not rows:
        return 0
    sql, (*fields, key_field) = _update(model, tuple(columns), guard)
    bind = _binders(fields)
    key = _binders([key_field])[0]
    parameters = [
        [
            *(b(v) if b else v for b, v in zip(bind, values, strict=True)),
            key(pk) if key else pk,
            *([expected] if guard else []),
        ]
        for values, pk, expected in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, parameters)
        return int(cursor.rowcount)


def insert_many(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Add a row for each, with values for these columns; the others' are defaults."""
    if not rows:
        return
    sql, fields = _insert(model, tuple(columns))
    bind = _binders(fields)
    rest = [
        field.get_db_prep_save(field.get_default(), connection)
        for field in fields[len(columns) :]
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            sql,
            [
                [*(b(v) if b else v for b, v in zip(bind, row, strict=False)), *rest]
                for row in rows
            ],
        )


Binder: TypeAlias = Callable[[Any], Any] | None


def _binders(fields: Sequence[Field]) -> list[Binder]:
    """How each field's value becomes a parameter; None for "as it is"."""
    # Looked up once: behind the proxy each value would ask which thread this is.
    database = connections[connection.alias]
    return [_binder(field, database) for field in fields]


def _binder(field: Field, database: BaseDatabaseWrapper) -> Binder:
    """What Django would do to the value, without asking for each what it is."""
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    if isinstance(field, _PLAIN):
        return None
    if database.vendor == "sqlite":
        if isinstance(field, models.DateTimeField) and database.timezone is UTC:
            return _utc_text
        if isinstance(field, models.UUIDField):
            return _hex
        if isinstance(field, models.JSONField) and field.encoder is None:
            return _json_text
    return partial(_bound, field, database)


def _bound(field: Field, database: BaseDatabaseWrapper, value: Any) -> Any:
    return field.get_db_prep_save(value, database)


def _utc_text(value: datetime | None) -> str | None:
    """As Django writes a time into SQLite: in UTC, and naive."""
    return None if value is None else str(value.astimezone(UTC).replace(tzinfo=None))


def _json_text(value: Any) -> str | None:
    return None if value is None else _encode(value)


def _hex(value: UUID | None) -> str | None:
    return None if value is None else value.hex


@cache
def _update(
    model: type[models.Model], columns: tuple[str, ...], guard: str
) -> tuple[str, tuple[Field, ...]]:
    quote = connection.ops.quote_name
    fields = _fields(model, columns)
    key = model._meta.pk
    sql = (
        f"UPDATE {quote(model._meta.db_table)} SET "
        + ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
        + f" WHERE {quote(str(key.column))} = %s"
        + (f" AND {quote(guard)} = %s" if guard else "")
    )
    return sql, (*fields, key)


@cache
def _insert(
    model: type[models.Model], columns: tuple[str, ...]
) -> tuple[str, tuple[Field, ...]]:
    quote = connection.ops.quote_name
    given = _fields(model, columns)
    rest = (
        field
        for field in model._meta.concrete_fields
        if field not in given and not isinstance(field, models.AutoField)
    )
    fields = (*given, *rest)
    names = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({names}) VALUES ({marks})", fields


def _fields(model: type[models.Model], columns: Sequence[str]) -> tuple[Field, ...]:
    return tuple(cast("Field", model._meta.get_field(name)) for name in columns)

"""A new row whose name another may take in the same moment.

What may enter: the one insert, and how its refusal becomes words. Blocking.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Model


def insert(row: Model) -> None:
    """Store a row that was validated.

    Where another was stored since that it cannot stand beside, it is refused as if that
    had been there before: with django's ValidationError. SQLite has one writer at a
    time, so it happens elsewhere alone.
    """
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        row.full_clean()
        raise

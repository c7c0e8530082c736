"""Who waits for a claim in this process is told at once that it has changed.

A hint, as the doorbell is: what other processes change is seen by looking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction

_lock = threading.Lock()
_ears: dict[int, list[Callable[[], object]]] = {}


@contextmanager
def heard(claim_id: int, wake: Callable[[], object]) -> Iterator[None]:
    """While inside, `wake` is called after each change, in whatever thread makes it."""
    with _lock:
        _ears.setdefault(claim_id, []).append(wake)
    try:
        yield
    finally:
        with _lock:
            _ears[claim_id].remove(wake)
            if not _ears[claim_id]:
                del _ears[claim_id]


def tell(claim_ids: Iterable[int]) -> None:
    """These have changed; it is told once that is committed."""
    ids = tuple(claim_ids)
    transaction.on_commit(lambda: _wake(ids))


def _wake(claim_ids: Iterable[int]) -> None:
    with _lock:
        wakes = [wake for one in claim_ids for wake in _ears.get(one, ())]
    for wake in wakes:
        wake()

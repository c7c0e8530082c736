"""How a call waits: told, or looking by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agents.api import waits

pytestmark = pytest.mark.django_db(transaction=True)


class Look:
    """Done at the second look."""

    def __init__(self) -> None:
        self.looks = 0
        self.given_up = ""

    @property
    def done(self) -> bool:
        return self.looks > 1 or bool(self.given_up)

    def look(self) -> None:
        self.looks += 1

    def give_up(self, why: str) -> None:
        self.given_up = why


@contextmanager
def by_a_thread(wake: Callable[[], object]) -> Iterator[None]:
    timer = threading.Timer(0.01, wake)
    timer.start()
    yield
    timer.join()


def test_what_is_told_by_any_thread_is_looked_at_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though nothing has been committed, and the next look is an hour away."""
    monkeypatch.setattr(waits, "EVERY", 3600.0)
    monkeypatch.setattr(waits, "SELDOM", 3600.0)
    look = Look()
    asyncio.run(asyncio.wait_for(waits.follow(look, 3600.0, by_a_thread), 20))
    assert look.looks == 2
    assert look.given_up == ""


def test_what_nobody_tells_is_given_up_in_time() -> None:
    look = Look()
    asyncio.run(asyncio.wait_for(waits.follow(look, 0.05), 20))
    assert look.looks >= 1
    assert look.done

"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    condition: Callable[[], T | None],
    *,
    timeout: float = 10.0,
    every: float = 0.02,
    what: str = "the condition",
) -> T:
    """The first truthy value of the condition, asked again until the deadline."""
    begun = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begun
        if waited >= timeout:
            raise AssertionError(
                f"Waited {waited:.1f} s for {what}; the last value was {value!r}."
            )
        time.sleep(min(every, timeout - waited))

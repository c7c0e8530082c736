"""Tokens, counted the same way whatever the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt, or of several.

    `input` leaves out what was read from or written to the cache, `output` includes
    `reasoning`. `native` is the provider's own account, of a single attempt only.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    native: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


def without_cache(
    total: int, read: int, written: int, output: int, reasoning: int, native: Any
) -> Usage:
    """From a provider whose `total` input includes what the cache gave and took."""
    fresh = max(0, total - read - written)
    return Usage(fresh, read, written, output, reasoning, native)

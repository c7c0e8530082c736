"""What was sent to a program and not acknowledged: bounded, and not waited for.

Pure; moments are seconds of a monotonic clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MOST_MESSAGES: Final = 64
MOST_TEXT: Final = 1024 * 1024
# Seconds from a message to its acknowledgement; then the program is told goodbye.
PATIENCE: Final = 7.0


class Window:
    """Messages on their way, in the order they were sent."""

    def __init__(self) -> None:
        self._sent: deque[tuple[int, int, float]] = deque()
        self._size = 0
        self._highest = 0

    def send(self, seq: int, size: int, now: float) -> None:
        """A message of this length has been sent."""
        self._sent.append((seq, size, now))
        self._size += size
        self._highest = max(self._highest, seq)

    def acknowledge(self, seq: int) -> bool:
        """Everything sent up to `seq` has arrived; False if that was never sent."""
        if seq > self._highest:
            return False
        # A snapshot that is shared may be of a little earlier than what came before.
        left = [one for one in self._sent if one[0] > seq]
        self._sent = deque(left)
        self._size = sum(size for _, size, _ in left)
        return True

    @property
    def full(self) -> bool:
        """Whether nothing may be sent now."""
        return len(self._sent) >= MOST_MESSAGES or self._size >= MOST_TEXT

    @property
    def patience_until(self) -> float | None:
        """When the oldest message has waited too long; None while none waits."""
        return self._sent[0][2] + PATIENCE if self._sent else None

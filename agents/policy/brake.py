"""The fleet brake, as whoever begins something has to see it.

Pure: the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.policy.clock import Moment, boot_id
from agents.policy.reconcile import Move


@dataclass(frozen=True, slots=True)
class Brake:
    """`pulled`: when, None while it is not; `words`: by whom and why."""

    pulled: Moment | None
    words: str = ""

    def holds(self, move: Move, made: Moment | None) -> bool:
        """Whether this has to wait for the release; `made`: when it was asked.

        Nothing begins by itself: no automatic restart, and no start that was asked
        before. What a person asks for while the brake is pulled is done.
        """
        if self.pulled is None:
            return False
        if move is Move.RETRY:
            return True
        if move is not Move.START:
            return False
        if made is None:
            return True
        if made.boot == self.pulled.boot:
            return made.at < self.pulled.at
        return made.boot != boot_id()  # Else the machine was restarted in between.


RELEASED: Final = Brake(None)


def in_words(actor: str, reason: str) -> str:
    """`the fleet brake, pulled by bob: they delete files`."""
    return f"the fleet brake, pulled by {actor}: {reason}"

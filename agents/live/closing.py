"""How the hub ends a conversation: the close codes, and a word of why."""

from __future__ import annotations

from typing import Final

MALFORMED: Final = 4400
NOT_SIGNED_IN: Final = 4401
MAY_NOT_LOOK: Final = 4403
TOO_SLOW: Final = 4408
TOO_MANY: Final = 4429


class Goodbye(Exception):
    """The socket is to be closed with this code, and these words for a program."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason

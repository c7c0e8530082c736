"""A key that shows itself to nobody."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from agents.policy.redact import MASK

_USABLE: Final = re.compile(r"[!-~]*")
# Shorter ones are no keys, and would be found everywhere in a text.
_SHORTEST: Final = 6


class Secret:
    """A provider's key. Equal keys are equal; no repr, str or format shows one."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        """Raises ValueError for what cannot stand in a header, without saying it."""
        value = value.strip()
        if not _USABLE.fullmatch(value):
            raise ValueError(
                "The key has characters that no key has (a space, a line break or a "
                "letter outside ASCII): copy it again."
            )
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK if self else ''})"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("A key is not pickled.")

    def reveal(self) -> str:
        """The key itself: for an SDK's constructor or a header, and nothing else."""
        return self._value

    def scrubbed(self, text: str) -> str:
        """The text without the key, should a server have echoed it."""
        if len(self._value) < _SHORTEST:
            return text
        for form in {self._value, quote(self._value, safe="")}:
            text = text.replace(form, MASK)
        return text

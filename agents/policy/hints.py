"""What somebody may have meant who wrote a word that is not known.

Pure: the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

# Comparing takes long for long words, and nobody mistypes a page of text.
LONGEST: Final = 100


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the closest known words, empty where nothing is close."""
    by_lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower()[:LONGEST], list(by_lower), n=3, cutoff=0.6)
    names = [repr(by_lower[name]) for name in close]
    if not names:
        return ""
    *first, last = names
    return f"Did you mean {', '.join(first) + ' or ' if first else ''}{last}?"

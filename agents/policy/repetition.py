"""Whether a model goes round in circles: the same calls with the same results.

Pure: the standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

# A turn's calls and results as one text; equal texts are the same turn.
Turn: TypeAlias = str

# So many equal turns on end, or rounds of a longer circle, are told to the model …
TELL: Final = 3
# … and with so many the task fails.
GIVE_UP: Final = 6
LONGEST_CIRCLE: Final = 4


def rounds(turns: Sequence[Turn]) -> int:
    """How many times the latest circle has been gone round; 1 for no circle."""
    most = 1
    for length in range(1, LONGEST_CIRCLE + 1):
        latest = list(turns[-length:])
        if len(latest) < length:
            break
        count = 1
        while list(turns[-length * (count + 1) : -length * count]) == latest:
            count += 1
        most = max(most, count)
    return most

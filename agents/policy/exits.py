"""How a program ended, in words a person understands.

Pure: the standard library only.
"""

from __future__ import annotations

import signal
from typing import Final

_SHELLS_OWN: Final = {
    126: "exited with 126 (found, but it could not be run)",
    127: "exited with 127 (a program it needs was not found)",
}


def describe(code: int | None) -> str:
    """The exit code in words; 128+n is a signal, None nobody saw."""
    if code is None:
        return "ended unseen, exit code unknown"
    if code > 128:
        try:
            name = signal.Signals(code - 128).name.removeprefix("SIG")
        except ValueError:
            pass
        else:
            return f"ended by signal {name} (exit code {code})"
    return _SHELLS_OWN.get(code, f"exited with {code}")


def processes(count: int) -> str:
    """ "1 process" or "3 processes"."""
    return "1 process" if count == 1 else f"{count} processes"

"""How many files may be open: many for the supervisor, the usual for its agents.

A supervisor holds a pidfd for each agent; a program that uses select(2) breaks when
it is given more descriptors than it was built for.
"""

from __future__ import annotations

import resource
from functools import cache
from typing import Final

ENOUGH: Final = 65_536


@cache
def _found() -> tuple[int, int]:
    """The limits as this process was started with."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_file_limit() -> int:
    """Let this process open as many files as it may, 65,536 at most; how many."""
    soft, hard = _found()
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def soft_file_limit() -> str:
    """The limit to hand on, as `ulimit -S -n` takes it."""
    soft, _ = _found()
    return "unlimited" if soft == resource.RLIM_INFINITY else str(soft)

"""From what somebody says they will write to patterns below one real directory.

Looks at the file system: links on the way are followed, as a program would. Blocking.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from agents.policy import globs
from agents.policy.globs import BadPattern

MOST_PATTERNS: Final = 100


def workspace_of(path: str) -> str:
    """The directory's one real name. Raises BadPattern where it is none."""
    whole = os.path.expanduser(path)
    if not path or "\0" in path or not os.path.isabs(whole):
        raise BadPattern(f"{path!r} is no workspace: give a whole path.")
    real = os.path.realpath(whole)
    if not os.path.isdir(real):
        raise BadPattern(f"{path!r} is not a directory on this machine.")
    return real


def patterns_of(workspace: str, paths: Iterable[str]) -> tuple[str, ...]:
    """The patterns, each once and sorted, as seen from the workspace's real path.

    What comes before the first wildcard is resolved: `../` and links lead where they
    lead. Raises BadPattern where that is outside the workspace.
    """
    given = list(paths)
    if not given:
        raise BadPattern("Name at least one path.")
    if len(given) > MOST_PATTERNS:
        raise BadPattern(f"Name {MOST_PATTERNS} paths at most.")
    return tuple(sorted({_pattern(workspace, path) for path in given}))


def of_file(workspace: str, path: str) -> str:
    """The pattern that means exactly this file, given below the workspace or whole."""
    return _below(workspace, os.path.join(workspace, path), path)


def _pattern(workspace: str, path: str) -> str:
    if not path.strip() or "\0" in path or len(path) > globs.LONGEST:
        globs.parse(path)  # Says what is wrong.
        raise BadPattern(f"{path!r} cannot be a path.")
    words = os.path.expanduser(path).split("/")
    plain = 0
    while plain < len(words) and not _has_wildcard(words[plain]):
        plain += 1
    fixed, rest = "/".join(words[:plain]), [word for word in words[plain:] if word]
    if path.startswith(("/", "~")) and not fixed:
        fixed = "/"
    found = _below(workspace, os.path.join(workspace, fixed), path)
    pattern = "/".join([*([found] if found != "**" else []), *rest]) or "**"
    if not rest and path.endswith("/"):
        pattern = f"{pattern}/**" if pattern != "**" else pattern
    return globs.parse(pattern).pattern


def _below(workspace: str, whole: str, shown: str) -> str:
    real = os.path.realpath(whole)
    if real == workspace:
        return "**"
    if not real.startswith(workspace.rstrip("/") + "/"):
        raise BadPattern(f"{shown!r} is outside the workspace {workspace}.")
    return globs.escape(os.path.relpath(real, workspace))


def _has_wildcard(word: str) -> bool:
    return any(letter in word for letter in "*?[{\\")

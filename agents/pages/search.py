"""Searching a run's output: matches with the found text marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agents.services.agent_detail import RunView
from agents.services.logs import STREAMS, default_log_store

MOST_MATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class FoundLine:
    """One line, cut into what is found (at odd places) and what is around it."""

    stream: str
    number: int | None
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The newest matches of both streams."""

    text: str
    run: int
    lines: tuple[FoundLine, ...]
    more: bool


def search(run: RunView, text: str, stream: str) -> SearchResult:
    """The newest lines with this text, in any case."""
    store = default_log_store()
    pattern = re.compile(f"({re.escape(text)})", re.IGNORECASE)
    lines: list[FoundLine] = []
    more = False
    for one in STREAMS if stream not in STREAMS else (stream,):
        try:
            matches = store.search(run.folder, one, text, MOST_MATCHES)
        except (OSError, ValueError):
            continue  # The page itself says that this stream cannot be read.
        more = more or len(matches) == MOST_MATCHES
        lines += [
            FoundLine(one, match.line_number, tuple(pattern.split(match.text)))
            for match in matches
        ]
    return SearchResult(text, run.number, tuple(lines), more)

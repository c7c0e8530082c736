"""`agents logs --grep`: the lines of a run that have a text, as the page finds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agents.management.agentctl.terminal import Terminal
from agents.models import Agent, Run
from agents.services.logs import STREAMS, Match, default_log_store


def print_matches(
    agent: Agent, run: Run | None, options: Mapping[str, Any], terminal: Terminal
) -> None:
    """Print each line as it is found: there may be more of them than memory."""
    found = () if run is None else _found(run, options)
    count = _print_json(found, terminal) if terminal.as_json else _say(found, terminal)
    if run is None:
        terminal.note(f"{agent.name} has never run.")
    elif not count:
        text = options["grep"]
        terminal.note(f"No line of {agent.name}'s run {run.number} contains {text!r}.")


def _found(run: Run, options: Mapping[str, Any]) -> Iterator[tuple[Run, str, Match]]:
    """Of each stream all matches, or the newest ones if so many are wanted."""
    store, text, tail = default_log_store(), options["grep"], options["tail"]
    for stream in [options["stream"]] if options["stream"] else STREAMS:
        if tail is None:
            matches: Iterable[Match] = store.matches(run.folder, stream, text)
        else:
            matches = store.search(run.folder, stream, text, tail) if tail else ()
        for match in matches:
            yield run, stream, match


def _say(found: Iterable[tuple[Run, str, Match]], terminal: Terminal) -> int:
    count = 0
    for _, _, match in found:
        terminal.raw(match.text.encode(errors="replace") + b"\n")
        count += 1
    return count


def _print_json(found: Iterable[tuple[Run, str, Match]], terminal: Terminal) -> int:
    """One array, an object in each line."""
    count = 0
    for run, stream, match in found:
        shape = {
            "run": run.number,
            "stream": stream,
            "offset": match.offset,
            "line": match.line_number,
            "text": match.text,
        }
        terminal.out.write(f"{',' if count else '['}\n  {json.dumps(shape)}")
        count += 1
    terminal.out.write("\n]\n" if count else "[]\n")
    return count

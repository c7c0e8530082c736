"""A rehearsal without a model: offline, free, and saying so in every answer.

The last thing the user said may be a script, one act to a line; else it is repeated:

    /think TEXT     /say TEXT     /call TOOL {"json": "arguments"}
    /pause SECONDS  /fail KIND    (a kind of provider_retry.ErrorKind)

A turn ends after its calls; the next goes on from there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Final

from agents.llm.arguments import tool_call
from agents.llm.endpoint import Endpoint
from agents.llm.events import Stop, TextDelta, ThinkingDelta
from agents.llm.failure import Failure, ProviderError
from agents.llm.messages import Assistant, Part, Text, Thinking, ToolCall, User
from agents.llm.provider import BEAT, Answer, Piece
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy.provider_retry import ErrorKind

LABEL: Final = "[demo, no model]"
# Seconds from word to word: as fast as a quick model.
PACE: Final = 0.03
_ACT: Final = re.compile(r"\s*/(think|say|call|pause|fail)(?:\s+(.*))?$")


class Demo:
    """Needs no key and no network."""

    def __init__(self, endpoint: Endpoint, pace: float = PACE) -> None:
        self._pace = pace

    async def attempt(self, request: Request) -> AsyncGenerator[Piece]:
        """See Provider. Every word counts as one token."""
        read = sum(len(_words(_shown(message))) for message in request.messages)
        parts: list[Part] = []
        for verb, rest in _turn(request):
            match verb:
                case "pause":
                    await asyncio.sleep(_seconds(rest))
                    yield BEAT
                case "fail":
                    raise ProviderError(Failure(_kind(rest), f"{LABEL} as asked"))
                case "call":
                    name, _, raw = rest.partition(" ")
                    call = tool_call("", name, raw)
                    parts.append(call)
                    yield call
                case _:
                    thinks = verb == "think"
                    for word in _words(rest):
                        await asyncio.sleep(self._pace)
                        yield ThinkingDelta(word) if thinks else TextDelta(word)
                    parts.append(Thinking(rest) if thinks else Text(rest))
        yield _usage(read, parts)
        called = any(isinstance(part, ToolCall) for part in parts)
        stop = Stop.TOOL_USE if called else Stop.END
        yield Answer(stop, Assistant(tuple(parts)))

    async def models(self) -> tuple[str, ...]:
        """See Provider."""
        return ("demo",)

    async def aclose(self) -> None:
        """See Provider."""


def _turn(request: Request) -> Iterator[tuple[str, str]]:
    """The acts of this turn: as many turns are over as answers followed the script."""
    script, answered = "", 0
    for message in request.messages:
        if isinstance(message, User):
            script, answered = message.text, 0
        elif isinstance(message, Assistant):
            answered += 1
    turns = _turns(script)
    yield "say", f"{LABEL} "
    if not turns:
        yield "say", f"You said: {script}"
    elif answered < len(turns):
        yield from turns[answered]
    else:
        yield "say", "That was all of the script."


def _turns(script: str) -> list[list[tuple[str, str]]]:
    turns: list[list[tuple[str, str]]] = []
    before = "call"
    for line in script.splitlines():
        if (act := _ACT.match(line)) is None:
            continue
        verb, rest = act[1], act[2] or ""
        if not turns or (before == "call" and verb != "call"):
            turns.append([])
        turns[-1].append((verb, rest))
        before = verb
    return turns


def _words(text: str) -> list[str]:
    """The words with the space that follows each: joined they are the text."""
    return re.findall(r"\s*\S+\s*", text)


def _shown(message: object) -> str:
    return getattr(message, "text", "")


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"\d{1,4}(\.\d+)?", text.strip()) else 1.0


def _kind(text: str) -> ErrorKind:
    known = text.strip() in set(ErrorKind)
    return ErrorKind(text.strip()) if known else ErrorKind.SERVER


def _usage(read: int, parts: list[Part]) -> Usage:
    thought = sum(len(_words(p.text)) for p in parts if isinstance(p, Thinking))
    said = sum(len(_words(p.text)) for p in parts if isinstance(p, Text))
    called = sum(1 + len(_words(p.raw)) for p in parts if isinstance(p, ToolCall))
    return Usage(input=read, output=thought + said + called, reasoning=thought)

"""Keeping a conversation within a model's context: old tool results are shortened.

What is shortened says so to the model, and the transcript keeps it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from agents.llm.messages import Assistant, Message, ToolResult, ToolResults, User

# A rough measure that holds for most languages and for code.
CHARACTERS_PER_TOKEN: Final = 3.5
# Tokens. Less than what the smallest of today's hosted models takes.
USUAL: Final = 120_000
# What an old result keeps of its beginning (characters).
KEPT: Final = 300
# The latest results stay as they are: the model works with them.
FRESH: Final = 4


def tokens(messages: Sequence[Message]) -> int:
    """About how many tokens these are."""
    return round(sum(map(_characters, messages)) / CHARACTERS_PER_TOKEN)


def _characters(message: Message) -> int:
    match message:
        case User(text):
            return len(text)
        case Assistant():
            calls = sum(len(call.raw) + len(call.name) for call in message.calls)
            return len(message.text) + len(message.thinking) + calls
        case ToolResults(results):
            return sum(len(one.text) for one in results)


def within(messages: Sequence[Message], budget: int) -> tuple[tuple[Message, ...], int]:
    """The messages within a budget of tokens as far as old results can give, and how
    many results were shortened: the oldest first, and no more than is needed."""
    shortened, kept = 0, list(messages)
    over = tokens(messages) - budget
    old = [n for n, one in enumerate(kept) if isinstance(one, ToolResults)][:-FRESH]
    for number in old:
        if over <= 0:
            break
        message = kept[number]
        assert isinstance(message, ToolResults)
        results = tuple(_shortened(one) for one in message.results)
        shortened += sum(
            a is not b for a, b in zip(results, message.results, strict=True)
        )
        kept[number] = replace(message, results=results)
        saved = _characters(message) - _characters(kept[number])
        over -= round(saved / CHARACTERS_PER_TOKEN)
    return tuple(kept), shortened


def _shortened(one: ToolResult) -> ToolResult:
    if len(one.text) <= 2 * KEPT:
        return one
    left_out = len(one.text) - KEPT
    text = (
        f"{one.text[:KEPT]}\n[… {left_out:,} more characters were left out to keep the "
        "conversation short; call the tool again if you need them]"
    )
    return replace(one, text=text)

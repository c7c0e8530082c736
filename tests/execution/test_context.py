"""A conversation that grows too long: old results are shortened, the rest is not."""

from __future__ import annotations

from agents.execution import context
from agents.llm.messages import Assistant, Message, Text, ToolResult, ToolResults, User


def conversation(results: int, size: int) -> tuple[Message, ...]:
    turns: list[Message] = [User("do it")]
    for number in range(results):
        turns.append(Assistant((Text(f"step {number}"),)))
        text = f"{number} " + "x" * size
        turns.append(ToolResults((ToolResult(f"c{number}", "read", text),)))
    return tuple(turns)


def test_what_fits_is_sent_as_it_is() -> None:
    messages = conversation(6, 100)
    assert context.within(messages, 10_000) == (messages, 0)


def test_the_oldest_results_give_first_and_no_more_than_is_needed() -> None:
    messages = conversation(10, 10_000)
    budget = context.tokens(messages) - 4_000
    sent, count = context.within(messages, budget)
    assert count == 2
    assert context.tokens(sent) <= budget
    shortened = [
        message.results[0].text for message in sent if isinstance(message, ToolResults)
    ]
    assert ["left out" in text for text in shortened] == [True] * 2 + [False] * 8
    assert shortened[0].startswith("0 xxx")
    assert "9,702 more characters were left out" in shortened[0]


def test_the_latest_results_and_everything_said_stay() -> None:
    messages = conversation(10, 10_000)
    sent, count = context.within(messages, 1)
    assert count == 10 - context.FRESH
    for before, after in zip(messages, sent, strict=True):
        if not isinstance(before, ToolResults):
            assert before is after


def test_short_results_are_not_worth_it() -> None:
    messages = conversation(10, 100)
    assert context.within(messages, 1) == (messages, 0)

"""The demo provider: offline, labelled, and as scripted as it is asked to be."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from agents.llm.endpoint import Endpoint, Kind
from agents.llm.events import Stop
from agents.llm.messages import ToolResult, ToolResults, User
from agents.llm.providers.demo import LABEL, Demo
from agents.llm.request import Request
from agents.llm.usage import Usage
from agents.policy.provider_retry import ErrorKind
from tests.llm.vendors import QUICK, Heard, hear


def rehearse(*messages: Any, **options: Any) -> Heard:
    demo = Demo(Endpoint(Kind.DEMO), pace=0.0)
    return asyncio.run(hear(demo, Request("demo", messages), **options))


def test_what_is_said_without_a_script_is_repeated_and_labelled() -> None:
    heard = rehearse(User("Please  review\nthis."))
    assert heard.shown == f"{LABEL} You said: Please  review\nthis."
    assert heard.end.stop is Stop.END
    assert heard.end.message is not None and heard.end.message.text == heard.shown


def test_an_answer_streams_word_by_word_and_every_word_is_a_token() -> None:
    heard = rehearse(User("one two three"))
    said = len(heard.shown.split())
    assert len(heard.events) == said + 2
    assert heard.end.usage == Usage(input=3, output=said)


SCRIPT = """
/think Which file?
/say I write it.
/call write_file {"path": "a.txt", "text": "hello"}
/call read_file {"path": "a.txt"}
/say It is done.
"""


def test_a_script_is_played_turn_by_turn() -> None:
    messages: list[Any] = [User(SCRIPT)]
    first = rehearse(*messages)
    assert first.thought == "Which file?" and first.end.stop is Stop.TOOL_USE
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("write_file", {"path": "a.txt", "text": "hello"}),
        ("read_file", {"path": "a.txt"}),
    ]
    assert len({call.id for call in first.calls}) == 2
    results = tuple(ToolResult(call.id, call.name, "ok") for call in first.calls)
    messages += [first.end.message, ToolResults(results)]
    second = rehearse(*messages)
    assert second.shown == f"{LABEL} It is done." and second.end.stop is Stop.END
    messages += [second.end.message]
    assert rehearse(*messages).shown == f"{LABEL} That was all of the script."
    messages += [User("And now?")]
    assert rehearse(*messages).shown == f"{LABEL} You said: And now?"


@pytest.mark.parametrize("kind", sorted(ErrorKind))
def test_every_kind_of_failure_can_be_rehearsed(kind: ErrorKind) -> None:
    heard = rehearse(User(f"/fail {kind}"), retry=replace(QUICK, attempts=1))
    assert heard.failure.kind is kind
    assert LABEL in heard.failure.text


def test_a_failure_of_no_known_kind_is_the_servers() -> None:
    heard = rehearse(User("/fail everything"), retry=replace(QUICK, attempts=2))
    assert heard.failure.kind is ErrorKind.SERVER
    assert [restarted.attempt for restarted in heard.restarts] == [2]


def test_arguments_that_are_no_json_are_told_as_such() -> None:
    (call,) = rehearse(User("/call write_file {broken")).calls
    assert call.error is not None and call.error.kind is ErrorKind.INVALID_ARGUMENTS


def test_a_pause_is_as_long_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    rehearse(User("/pause 2.5\n/pause forever\n/say done"))
    assert [seconds for seconds in slept if seconds] == [2.5, 1.0]


def test_it_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection was opened")

    async def asking() -> Heard:
        monkeypatch.setattr(socket.socket, "connect", refuse)
        demo = Demo(Endpoint(Kind.DEMO), pace=0.0)
        return await hear(demo, Request("demo", (User("Hello"),)))

    assert asyncio.run(asking()).end.stop is Stop.END

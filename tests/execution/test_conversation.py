"""Steps and messages: what is stored comes back as it was."""

from __future__ import annotations

import json
from typing import Any

from agents.execution import conversation
from agents.llm.arguments import tool_call
from agents.llm.events import Stop
from agents.llm.messages import (
    Assistant,
    Native,
    Text,
    Thinking,
    ToolResult,
    ToolResults,
    User,
)
from agents.services.steps import StepData, call, note, result, user


def stored(step: StepData) -> StepData:
    """As it comes out of a JSON column."""
    return StepData(step.kind, json.loads(json.dumps(dict(step.data))))


def answer(*parts: Any, native: Native | None = None) -> StepData:
    return stored(conversation.answer(Assistant(parts, native), Stop.TOOL_USE))


def test_an_answer_comes_back_with_the_providers_own_blocks() -> None:
    native = Native("anthropic", "m", ({"type": "thinking", "signature": "s=="},))
    parts = (Thinking("hm"), Text("Yes."), tool_call("c1", "read", '{"path": "a"}'))
    message = conversation.assistant(answer(*parts, native=native).data)
    assert message == Assistant(parts, native)
    assert message.blocks_for("anthropic", "m") == native.blocks


def test_a_call_whose_arguments_were_no_json_stays_one() -> None:
    broken = tool_call("c1", "read", '{"path": ')
    [back] = conversation.assistant(answer(broken).data).calls
    assert (back.arguments, back.raw) == (None, '{"path": ')
    assert back.error is not None


def test_results_of_one_answer_are_one_message_and_notes_are_none() -> None:
    calls = [tool_call(f"c{n}", "read", "{}") for n in (1, 2)]
    steps = [
        user("go"),
        answer(*calls),
        call("c1", "read", {}),
        result("c1", "read", "one"),
        note("for people"),
        call("c2", "read", {}),
        result("c2", "read", "two", error=True),
    ]
    assert conversation.messages(steps) == (
        User("go"),
        Assistant(tuple(calls)),
        ToolResults(
            (
                ToolResult("c1", "read", "one"),
                ToolResult("c2", "read", "two", is_error=True),
            )
        ),
    )


def test_what_has_no_result_is_pending_and_what_had_begun_is_known() -> None:
    calls = [tool_call(f"c{n}", "read", "{}") for n in (1, 2, 3)]
    steps = [
        answer(*calls),
        call("c1", "read", {}),
        result("c1", "read", "one"),
        call("c2", "read", {}),
    ]
    found = conversation.pending(steps)
    assert [one.id for one in found.calls] == ["c2", "c3"]
    assert found.begun
    cut_off = conversation.interrupted(found.calls[0])
    assert cut_off.data["interrupted"] is True
    left = conversation.pending([*steps, cut_off])
    assert ([one.id for one in left.calls], left.begun) == (["c3"], False)


def test_two_calls_of_one_id_are_two_calls() -> None:
    twice = tool_call("same", "read", '{"n": 1}'), tool_call("same", "read", '{"n": 2}')
    steps = [answer(*twice), call("same", "read", {}), result("same", "read", "one")]
    [left] = conversation.pending(steps).calls
    assert left.arguments == {"n": 2}
    assert not conversation.pending(steps).begun
    begun = [*steps, call("same", "read", {})]
    assert conversation.pending(begun).begun
    assert not conversation.pending([*begun, result("same", "read", "two")]).calls


def test_an_id_that_an_earlier_answer_had_too_is_a_new_call() -> None:
    one = answer(tool_call("call_0", "read", "{}"))
    done = [one, call("call_0", "read", {}), result("call_0", "read", "one"), one]
    found = conversation.pending(done)
    assert (len(found.calls), found.begun) == (1, False)


def test_what_a_task_left_undone_is_not_done_for_the_next_one() -> None:
    calls = [tool_call(f"c{n}", "read", "{}") for n in (1, 2)]
    cut_off = [
        user("go"),
        answer(*calls),
        call("c1", "read", {}),
        result("c1", "read", "one"),
        call("c2", "read", {}),
        note("cancelled by bob"),
    ]
    assert conversation.pending([*cut_off, user("and now?")]).calls == ()
    assert conversation.messages([*cut_off, user("and now?")]) == (
        User("go"),
        Assistant(tuple(calls)),
        ToolResults(
            (
                ToolResult("c1", "read", "one"),
                ToolResult("c2", "read", conversation.UNDONE, is_error=True),
            )
        ),
        User("and now?"),
    )
    [_, _, results, _] = conversation.messages([*cut_off[:2], user("and now?")])
    assert isinstance(results, ToolResults)
    assert [one.call_id for one in results.results] == ["c1", "c2"]

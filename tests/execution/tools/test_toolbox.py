"""The way in: which tools there are, what is wrong with a call, and how it ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.execution.tools import arguments as takes
from agents.execution.tools import finishing, toolbox
from agents.execution.tools.tool import Outcome, Refused, Surroundings, Tool
from agents.llm.request import Tool as Description
from tests.execution.tools.conftest import Call
from tests.harness.processes import run_python


def test_only_who_may_run_commands_is_told_of_them() -> None:
    free = {tool.name for tool in toolbox.described(allow_commands=True)}
    bound = {tool.name for tool in toolbox.described(allow_commands=False)}
    assert free - bound == {"run_command"}
    assert bound == {
        "list_files", "read_file", "search_files", "write_file", "edit_file",
        "ask_person",
    }  # fmt: skip


def test_descriptions_are_json_that_a_provider_takes() -> None:
    for tool in toolbox.described(allow_commands=True):
        json.dumps(tool.as_function, allow_nan=False)
        assert tool.schema["type"] == "object"
        assert tool.schema["additionalProperties"] is False
        assert set(tool.schema["required"]) <= set(tool.schema["properties"])
        for argument in tool.schema["properties"].values():
            assert argument["description"]
        assert len(tool.description) < 600


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "path is missing; content is missing"),
        ({"path": "a", "content": None}, "content is missing"),
        ({"path": 1, "content": "x"}, "path has to be a text"),
        ({"path": "a", "content": ["x"]}, "content has to be a text"),
        ({"path": "a\ud800", "content": "x"}, "path has half a letter"),
        (
            {"path": "a", "content": "x", "mode": "w"},
            "'mode' is not known; known: path, content",
        ),
    ],
)
def test_wrong_arguments_are_all_told_and_nothing_is_done(
    call: Call, workspace: Path, given: dict[str, Any], why: str
) -> None:
    outcome = call("write_file", **given)
    assert outcome == Outcome(f"wrong arguments: {outcome.text[17:]}", error=True)
    assert why in outcome.text
    assert list(workspace.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (True, "whole number"),
        (1.5, "whole number"),
        ("5", "whole number"),
        (0, "from 1 to 2000"),
        (10**30, "from 1 to 2000"),
    ],
)
def test_a_number_is_a_whole_one_within_its_bounds(
    call: Call, value: object, why: str
) -> None:
    outcome = call("read_file", path="a", limit=value)
    assert outcome.error
    assert f"limit has to be {why}" in outcome.text or why in outcome.text


def test_what_is_left_out_or_null_has_its_default() -> None:
    schema = takes.schema(
        ("a",),
        a=takes.text("a"),
        b=takes.whole("b", 1, 9, 5),
        c=takes.switch("c"),
        d=takes.texts("d"),
    )
    assert takes.checked(schema, {"a": "", "b": None}) == {"a": "", "b": 5, "c": False}
    given = {"a": "x", "b": 9, "c": True, "d": ["y"]}
    assert takes.checked(schema, given) == given
    for wrong in ({"c": 1}, {"d": "y"}, {"d": [1]}, {"d": ["\udc00"]}):
        with pytest.raises(Refused, match=r"[cd] has"):
            takes.checked(schema, {"a": "x", **wrong})


def test_an_unknown_tool_is_told_what_there_is(call: Call) -> None:
    outcome = call("rm" * 200)
    assert outcome.error
    assert outcome.text.startswith("there is no tool 'rmrm")
    assert "; there are: list_files, read_file, " in outcome.text
    assert len(outcome.text) < 300


class Odd:
    """A tool that does what the test tells it to."""

    description = Description("odd", "Odd.", takes.schema())

    def __init__(self, does: BaseException | str) -> None:
        self.does = does

    async def call(self, arguments: Mapping[str, Any], around: Surroundings) -> Outcome:
        if isinstance(self.does, str):
            return Outcome(self.does)
        raise self.does


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch, call: Call) -> Call:
    def use(does: BaseException | str) -> Outcome:
        tools: tuple[Tool, ...] = (Odd(does),)
        monkeypatch.setattr(toolbox, "_ALL", tools)
        return call("odd")

    return use


def test_what_the_system_says_is_an_answer(odd: Call) -> None:
    full = OSError(28, "No space left on device", "a/file")
    assert odd(full) == Outcome("a/file: No space left on device", error=True)
    assert odd(OSError("odd")) == Outcome("odd", error=True)
    assert odd(TimeoutError()) == Outcome("TimeoutError", error=True)


def test_a_defect_of_a_tool_is_not_hidden_as_an_answer(odd: Call) -> None:
    with pytest.raises(ZeroDivisionError):
        odd(ZeroDivisionError())


def test_being_cancelled_is_no_answer(odd: Call) -> None:
    with pytest.raises(asyncio.CancelledError):
        odd(asyncio.CancelledError())


def test_no_answer_is_longer_than_a_bound_and_the_gap_is_visible(odd: Call) -> None:
    text = odd("a" * 100_000 + "b" * 100_000).text
    assert text == (
        "a" * 30_000 + "\n[… 140,000 characters left out …]\n" + "b" * 30_000
    )
    assert odd("a" * 60_000).text == "a" * 60_000


def test_a_person_is_asked_and_answers(call: Call, around: Surroundings) -> None:
    async def ask(question: str) -> str:
        return f"You ask {question!r}. Yes."

    person = replace(around, ask=ask)
    outcome = call("ask_person", person, question=" Delete it? ")
    assert outcome == Outcome("You ask 'Delete it?'. Yes.")
    assert call("ask_person", question=" ").text == "the question is empty"
    assert "be brief" in call("ask_person", question="x" * 4001).text


def test_waiting_for_a_person_ends_when_cancelled(around: Surroundings) -> None:
    async def ask(question: str) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async def go() -> None:
        person = replace(around, ask=ask)
        asked = toolbox.call("ask_person", {"question": "Well?"}, person)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asked

    asyncio.run(go())


def test_a_cancelled_write_is_over_when_the_cancel_is(
    around: Surroundings, workspace: Path
) -> None:
    """So that nothing is written once the task's locks are free."""
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        (workspace / "file").write_text("late")

    async def cancel() -> None:
        task = asyncio.create_task(finishing.in_thread(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
            assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (workspace / "file").exists()

    asyncio.run(cancel())


def test_what_fails_after_a_cancel_is_nobodys_news(around: Surroundings) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        raise ValueError("late")

    async def cancel() -> list[Any]:
        complaints: list[Any] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        task = asyncio.create_task(finishing.in_thread(work))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return complaints

    assert asyncio.run(cancel()) == []
    with pytest.raises(ValueError, match="late"):
        asyncio.run(finishing.in_thread(work))


def test_the_search_program_starts_without_the_hub() -> None:
    """It is started for each search; Django alone would take half a second."""
    code = (
        "import subprocess, sys\n"
        "from agents.execution.tools.searching import Search\n"
        "*python, program, _ = Search('/', '.', 'x', None, False, 1).argv\n"
        "program = program.replace('searching.main()', 'print(*sys.modules)')\n"
        "print(subprocess.check_output([*python, program], text=True))\n"
    )
    modules = run_python(code).stdout.split()
    assert "agents.execution.tools.searching" in modules
    heavy = {"django", "agents.supervisor", "agents.models", "asyncio", "agents.llm"}
    assert heavy.isdisjoint(modules)

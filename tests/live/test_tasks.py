"""Open pages of tasks: steps as they are made, and the answer word by word."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.test import override_settings

from agents.models import Agent, Task
from agents.policy.tasks import TaskState
from agents.services import steps, tasks, work
from tests.harness.engine import BOB, Engine, asked, said, thinker
from tests.harness.people import make_member
from tests.live.case import LiveCase, latest
from tests.live.watching import OpenPage


@sync_to_async
def play(method: Any, *arguments: Any, **named: Any) -> Any:
    return method(*arguments, **named)


def position(frame: str) -> dict[str, str]:
    (found,) = re.findall(r'<i id="task-cursor"[^>]*>', frame)
    return dict(re.findall(r'data-(\w+)="([^"]*)"', found))


class TaskCase(LiveCase):
    """Bob watches a task that is worked on."""

    thinker: Agent
    task: Task
    engine: Engine

    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        data = override_settings(AGENTHUB_DATA_DIR=Path(folder.name))
        data.enable()
        self.addCleanup(data.disable)
        self.thinker = thinker()
        self.task = asked(self.thinker)
        self.engine = Engine.at_work(self.task)

    async def watch(self, page: OpenPage | None = None, **place: Any) -> OpenPage:
        page = page or await self.open()
        at = {"step": 1, "run": 1, "offset": 0, "thinks": False} | place
        await page.subscribe(f"task:{self.task.pk}", task=at, after=await latest())
        await page.until("live-seq")
        return page


class TestATranscript(TaskCase):
    async def test_an_answer_comes_word_by_word(self) -> None:
        page = await self.watch()
        self.engine.begin()
        self.engine.say("It <is>")
        text = await page.until("It", timeout=1.0)
        assert "It &lt;is&gt;" in text
        assert "<is>" not in text
        self.engine.say(" good")
        text = await page.until(" good", timeout=1.0)
        assert '<pre id="live-text" hx-swap-oob="beforeend"> good</pre>' in text
        assert "It" not in text
        self.engine.think("Hm")
        text = await page.until("Hm", timeout=1.0)
        assert '<pre id="live-thinking" hx-swap-oob="beforeend">Hm</pre>' in text
        assert position(text) == {
            "step": "1",
            "run": "1",
            "offset": str(self.engine.file.stat().st_size),
            "thinks": "true",
        }
        await page.leave()

    async def test_a_step_takes_the_place_of_the_words_in_one_frame(self) -> None:
        page = await self.watch()
        self.engine.begin()
        self.engine.say("It is good.")
        await page.until("It is good")
        await play(self.engine.commit, said("It is good."))
        text = await page.until('id="step-2"', timeout=1.0)
        assert '<ol id="steps" hx-swap-oob="beforeend"><li id="step-2"' in text
        box = text[text.index('<section id="live-answer"') :]
        assert "It is good" not in box
        assert position(text)["step"] == "2"
        await page.leave()

    async def test_words_that_are_void_and_a_step_come_in_one_frame_too(self) -> None:
        """The file is read more often than the database is looked at."""
        page = await self.watch()
        self.engine.begin()
        self.engine.say("It is good.")
        await page.until("It is good")
        await play(self.engine.commit, said("It is good."))
        self.engine.begin()
        self.engine.say("Next")
        text = await page.until("Next", timeout=1.0)
        assert 'id="step-2"' in "".join(page.frames)
        assert text.count("It is good") <= 1
        await page.leave()

    async def test_an_answer_that_begins_again_replaces_what_was_shown(self) -> None:
        page = await self.watch()
        self.engine.begin()
        self.engine.say("wrong")
        await page.until("wrong")
        self.engine.begin()
        self.engine.say("right")
        text = await page.until("right")
        assert '<section id="live-answer"' in text
        assert "wrong" not in text
        await page.leave()

    async def test_a_result_is_put_into_the_call_that_is_shown(self) -> None:
        page = await self.watch()
        await play(self.engine.commit, steps.call("c", "run_it", {"a": "b"}))
        text = await page.until('id="step-2"')
        assert 'data-call="open"' in text
        await play(self.engine.commit, steps.result("c", "run_it", "it ran"))
        text = await page.until("it ran")
        assert re.search(
            r'<li id="step-2"[^>]*data-call="done" hx-swap-oob="true"', text
        )
        assert 'id="step-3"' not in text
        assert position(text)["step"] == "3"
        await page.leave()

    async def test_the_end_is_told_with_what_may_still_be_done(self) -> None:
        page = await self.watch()
        self.engine.begin()
        self.engine.say("half an ans")
        await page.until("half an ans")
        await play(self.engine.end, TaskState.INTERRUPTED, reason="the hub ended")
        text = await page.until('id="task-status"[^>]*data-task="interrupted"')
        assert "the hub ended" in text
        assert "/go-on" in text
        assert "/cancel" not in text
        if "live-answer" not in text:
            text = await page.until("live-answer")
        assert re.search(r'<section id="live-answer"[^>]* hidden', text)
        assert "half an ans" not in text
        assert position(text)["run"] == "0"
        await page.leave()

    async def test_a_page_goes_on_where_it_is(self) -> None:
        self.engine.begin()
        self.engine.say("earlier ")
        offset = self.engine.file.stat().st_size
        await play(self.engine.commit, steps.note("a note"))
        self.engine.say("two")
        page = await self.watch(step=2, offset=offset)
        text = page.frames[-1]
        assert ">two</pre>" in text
        assert "earlier" not in text
        assert "a note" not in text
        await page.leave()

    async def test_a_page_that_missed_steps_gets_them(self) -> None:
        await play(self.engine.commit, said("first"), steps.note("second"))
        page = await self.watch(step=1)
        text = page.frames[-1]
        assert "first" in text
        assert "second" in text
        await page.leave()

    async def test_a_task_that_begins_while_it_is_watched(self) -> None:
        later = await sync_to_async(asked)(self.thinker, "later")
        self.task = later
        page = await self.watch(step=0, run=0)
        await play(self.engine.end)
        engine = await sync_to_async(Engine.at_work)(later)
        await page.until('data-kind="user"')
        engine.begin()
        engine.say("Hello")
        await page.until("Hello", timeout=1.0)
        await page.leave()

    async def test_two_who_look_cost_one_rendering(self) -> None:
        pages = [await self.watch() for _ in range(3)]
        with patch(
            "agents.live.transcripts.fragments.more_answer", return_value="<i>w</i>"
        ) as rendered:
            self.engine.begin()
            for page in pages:
                await page.until("live-answer")
            self.engine.say("word")
            for page in pages:
                await page.until("<i>w</i>")
        assert rendered.call_count == 1
        for page in pages:
            await page.leave()

    async def test_a_flood_of_words_is_bounded_and_ends_with_the_last(self) -> None:
        page = await self.watch()
        self.engine.begin()
        self.engine.say("w" * 3_000_000 + "end")
        text = await page.until("wend</pre>")
        assert max(map(len, page.frames)) < 150_000
        assert "live-answer" in text
        await page.leave()

    async def test_something_else_in_the_place_of_the_words_hurts_nobody(self) -> None:
        page = await self.watch()
        self.engine.file.parent.mkdir(parents=True)
        self.engine.file.symlink_to("/etc/passwd")
        await play(tasks.cancel, self.task.pk, BOB)
        text = await page.until("is being cancelled")
        assert "root:" not in "".join(page.frames) + text
        await page.leave()


class TestATasksPage(TaskCase):
    async def test_forms_only_for_who_may_operate(self) -> None:
        vera = await sync_to_async(make_member)("vera")
        viewer, operator = await self.open(vera), await self.open()
        for page in (viewer, operator):
            await self.watch(page)
        await play(work.ask_person, self.engine.task, "Which of <them>?")
        told = [await one.until("Which of") for one in (operator, viewer)]
        assert ['name="text" form="answer-form"' in text for text in told] == [
            True,
            False,
        ]
        assert ["/cancel" in text for text in told] == [True, False]
        assert "Which of &lt;them&gt;?" in told[1]
        await viewer.leave()
        await operator.leave()

    async def test_that_its_agent_has_stopped_is_told(self) -> None:
        waiting = await sync_to_async(asked)(self.thinker, "waits")
        page = await self.open()
        await page.subscribe(f"task:{waiting.pk}", after=await latest())
        assert "when the agent is started" not in await page.frame()
        await Agent.objects.filter(pk=self.thinker.pk).aupdate(status="stopped")
        await play(tasks.cancel, self.task.pk, BOB)
        await page.until("when the agent is started")
        await page.leave()


class TestLists(TaskCase):
    async def test_a_row_follows_and_a_new_task_is_offered(self) -> None:
        page = await self.open()
        pk = self.task.pk
        await page.subscribe("tasks", task_ids=[pk], known=pk, after=await latest())
        await page.frame()
        await play(self.engine.end, result="done")
        text = await page.until("task-row-")
        assert f'<table><tbody><tr id="task-row-{pk}" hx-swap-oob="true">' in text
        assert 'data-task="succeeded"' in text
        assert 'id="count-task-succeeded" hx-swap-oob="true">1<' in text
        new = await sync_to_async(asked)(self.thinker, "another")
        text = await page.until("1 new task<")
        assert f"task-row-{new.pk}" not in text
        await page.leave()

    async def test_a_question_is_on_the_overview_until_it_is_answered(self) -> None:
        page = await self.open()
        await page.subscribe("overview", after=await latest())
        assert "none asks anything" in await page.frame()
        await play(work.ask_person, self.engine.task, "Which of <them>?")
        text = await page.until("Which of &lt;them&gt;")
        assert f'id="question-{self.task.pk}"' in text
        await play(tasks.answer, self.task.pk, "this", BOB)
        await page.until("none asks anything")
        await page.leave()

    async def test_the_agents_page_shows_its_work(self) -> None:
        page = await self.open()
        await page.subscribe("agent:thinker", after=await latest())
        assert 'id="agent-work"' in await page.frame()
        await sync_to_async(asked)(self.thinker, "the next one")
        text = await page.until("the next one")
        assert "1 waiting" in text
        await page.leave()

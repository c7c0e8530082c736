"""Programs that follow tasks, and the processes of runs, which follow their own."""

from __future__ import annotations

from unittest.mock import patch

from asgiref.sync import sync_to_async

from agents.live import ticker as ticking
from agents.models import Agent, Run
from agents.policy.states import Status
from agents.services import tokens
from agents.services.task_shapes import task_shape
from tests.harness.engine import asked, said
from tests.live.case import end_run, record, start_run
from tests.live.listening import Listener, Message, token_of
from tests.live.test_tasks import TaskCase, play


class TestATask(TaskCase):
    token: str

    def setUp(self) -> None:
        super().setUp()
        self.token = token_of(self.bob)

    async def listen(self, **more: object) -> Listener:
        program = await Listener(self.token).connect()
        await program.subscribe(f"task:{self.task.pk}", **more)
        return program

    async def test_as_it_is_then_each_step_once(self) -> None:
        await play(self.engine.commit, said("Let me see"))
        program = await self.listen()
        first = await program.message()
        assert first["type"] == "snapshot"
        assert first["data"]["task"]["state"] == "running"
        texts = [step["data"].get("text") for step in first["data"]["steps"]]
        assert texts[-1] == "Let me see"
        for word in ("one", "two", "three"):
            await play(self.engine.commit, said(word))
        came: list[str] = []
        while len(came) < 3:
            steps = (await program.message())["data"]["steps"]
            came += [step["data"]["text"] for step in steps]
        assert came == ["one", "two", "three"]
        await program.leave()

    async def test_from_the_step_that_it_has(self) -> None:
        for word in ("one", "two"):
            await play(self.engine.commit, said(word))
        program = await self.listen(steps={str(self.task.pk): 2})
        first = await program.message()
        assert first["resumed"] is True
        assert [step["number"] for step in first["data"]["steps"]] == [3]
        await program.leave()

    async def test_a_long_transcript_comes_in_parts(self) -> None:
        for number in range(7):
            await play(self.engine.commit, said(f"word {number}"))
        with patch("agents.live.follow_tasks.MOST_STEPS", 3):
            program = await self.listen()
            numbers: list[int] = []
            while len(numbers) < 8:
                steps = (await program.message())["data"]["steps"]
                assert len(steps) <= 3
                numbers += [step["number"] for step in steps]
        assert numbers == list(range(1, 9))
        await program.leave()

    async def test_nothing_while_only_its_agent_changes(self) -> None:
        program = await self.listen()
        await program.message()
        await record(self.thinker.pk, Status.STOPPING)
        await play(self.engine.commit, said("still here"))
        delta = await program.message()
        assert delta["data"]["steps"][0]["data"]["text"] == "still here"
        fresh = await sync_to_async(self._shape)()
        assert delta["data"]["task"] == fresh
        await program.leave()

    def _shape(self) -> dict[str, object]:
        self.task.refresh_from_db()
        return task_shape(self.task)


class TestARun(TaskCase):
    secret = ""

    def setUp(self) -> None:
        super().setUp()
        self.secret = tokens.for_run()
        self.engine.run.token_hash = tokens.hash_of(self.secret)
        self.engine.run.save(update_fields=["token_hash"])

    async def answer(self, *topics: str) -> Message:
        program = await Listener(self.secret).connect()
        await program.subscribe(*topics)
        message = await program.message()
        if message["type"] != "bye":
            await program.leave()
        return message

    async def test_follows_its_own_agent_and_its_tasks(self) -> None:
        for topic in ("agent:thinker", "logs:thinker", f"task:{self.task.pk}"):
            assert (await self.answer(topic))["type"] == "snapshot"

    async def test_follows_nothing_else(self) -> None:
        other = await sync_to_async(asked)(await Agent.objects.aget(name="thinker"))
        await sync_to_async(self._give)(other.pk)
        for topic in ("agents", "agent:web", "logs:web", f"task:{other.pk}", "task:99"):
            message = await self.answer("agent:thinker", topic)
            assert (message["type"], message["code"]) == ("bye", 4403)

    def _give(self, task_id: int) -> None:
        """The task becomes that of somebody else."""
        type(self.task).objects.filter(pk=task_id).update(agent=self.agent)

    async def test_has_no_pages(self) -> None:
        program = await Listener(self.secret).connect()
        await program.subscribe("agents", format="html")
        assert (await program.closing())[0] == 4403

    async def test_is_closed_out_when_it_ends(self) -> None:
        with patch.object(ticking, "ACCESS_EVERY", 0.1):
            program = await Listener(self.secret).connect()
            await program.subscribe("agent:thinker")
            await program.message()
            run = await Run.objects.aget(pk=self.engine.run.pk)
            await end_run(run, Status.STOPPED, 0, "stop asked")
            assert (await program.closing())[0] == 4401
            await start_run(await Agent.objects.aget(name="thinker"))

"""Programs on the socket: what they are sent, that nothing is left out, and how they
go on where they were."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from asgiref.sync import sync_to_async
from django.utils import timezone

from agents.live import ticker as ticking
from agents.models import Agent, Change
from agents.policy.states import Status
from agents.services import changes, setups
from agents.services.shapes import agent_shape
from tests.live.case import end_run, latest, new_agent, record, start_run
from tests.live.listening import Listener, Message
from tests.live.program_case import ProgramCase, history
from tests.live.watching import write

delete = sync_to_async(setups.delete)


@sync_to_async
def shape(agent: Agent) -> dict[str, Any]:
    found = Agent.objects.select_related("run").get(pk=agent.pk)
    return agent_shape(found) | {"uptime": None}


class TestAllAgents(ProgramCase):
    async def test_first_a_snapshot_of_all_in_the_shape_of_the_api(self) -> None:
        program = await self.listen("agents")
        first = await program.message()
        assert first == {
            "type": "snapshot",
            "topic": "agents",
            "seq": await latest(),
            "previous": None,
            "resumed": False,
            "data": [await shape(self.agent)],
        }
        await program.leave()

    async def test_then_what_changed_with_the_lines_of_the_history(self) -> None:
        program = await self.listen("agents")
        await program.message()
        await record(self.agent.pk, Status.STARTING, "start asked")
        delta = await program.message(timeout=1.0)
        assert delta["type"] == "delta"
        assert "resumed" not in delta
        assert delta["data"] == {
            "changed": [await shape(self.agent)],
            "gone": [],
            "history": await history(),
        }
        await program.leave()

    async def test_two_looks_miss_no_line_of_what_happened_in_between(self) -> None:
        program = await self.listen("agents")
        await program.message()
        for _ in range(30):
            run = await start_run(self.agent)
            await end_run(run, Status.STOPPED, 0, "stop asked")
        told: list[Any] = []
        written = await history()
        while len(told) < len(written):
            told += (await program.message())["data"]["history"]
        assert told == written
        assert len(program.messages) < len(written), "looks are coalesced"
        await program.leave()

    async def test_new_agents_are_changed_and_deleted_ones_are_gone(self) -> None:
        program = await self.listen("agents")
        await program.message()
        other = await new_agent("other")
        delta = await program.message()
        assert [one["name"] for one in delta["data"]["changed"]] == ["other"]
        await delete(other)
        delta = await program.message()
        assert delta["data"]["gone"] == ["other"]
        await program.leave()

    async def test_a_task_is_no_news_of_its_agent(self) -> None:
        program = await self.listen("agents")
        await program.message()
        await sync_to_async(changes.append_task)(self.agent.pk, 1)
        await record(self.agent.pk, Status.STARTING)
        delta = await program.message()
        assert delta["data"]["changed"][0]["status"] == "starting"
        await program.leave()

    async def test_a_session_may_listen_too(self) -> None:
        program = await Listener(None, self.bob).connect()
        await program.subscribe("agents", format="json")
        assert (await program.message())["type"] == "snapshot"
        await program.leave()

    async def test_messages_are_made_once_for_all(self) -> None:
        programs = [await self.listen("agents") for _ in range(5)]
        for program in programs:
            await program.message()
        with patch(
            "agents.services.agent_news.agent_shape", return_value={"name": "web"}
        ) as shaped:
            await record(self.agent.pk, Status.STARTING)
            for program in programs:
                await program.message()
        assert shaped.call_count == 1
        for program in programs:
            await program.leave()


class TestGoingOn(ProgramCase):
    async def test_only_what_changed_since(self) -> None:
        other = await new_agent("other")
        after = await latest()
        await record(other.pk, Status.STARTING)
        program = await self.listen("agents", after=after)
        first = await program.message()
        assert (first["type"], first["resumed"]) == ("delta", True)
        assert (first["previous"], first["seq"]) == (after, await latest())
        assert [one["name"] for one in first["data"]["changed"]] == ["other"]
        assert first["data"]["history"] == await history("other")
        await program.leave()

    async def test_nothing_if_nothing_has_changed(self) -> None:
        program = await self.listen("agents", after=await latest())
        first = await program.message()
        assert first["resumed"] is True
        assert first["data"] == {"changed": [], "gone": [], "history": []}
        await program.leave()

    async def test_it_hears_of_an_agent_deleted_meanwhile(self) -> None:
        other = await new_agent("other")
        after = await latest()
        await delete(other)
        program = await self.listen("agents", "agent:other", after=after)
        assert (await program.message())["data"]["gone"] == ["other"]
        assert (await program.message())["data"]["agent"] is None
        await program.leave()

    async def test_an_agent_made_anew_by_the_same_name_is_not_gone(self) -> None:
        other = await new_agent("other")
        after = await latest()
        await delete(other)
        await new_agent("other")
        program = await self.listen("agents", after=after)
        data = (await program.message())["data"]
        assert data["gone"] == []
        assert [one["name"] for one in data["changed"]] == ["other"]
        await program.leave()

    async def test_everything_if_what_changed_is_not_known_any_more(self) -> None:
        after = await latest()
        await record(self.agent.pk, Status.STARTING)
        await record(self.agent.pk, Status.RUNNING)
        await Change.objects.filter(seq__lte=after).aupdate(
            at=timezone.now() - changes.KEEP
        )
        await sync_to_async(changes.prune)()
        program = await self.listen("agents", after=after)
        first = await program.message()
        assert (first["type"], first["resumed"]) == ("snapshot", False)
        assert first["data"][0]["status"] == "running"
        await program.leave()

    async def test_everything_if_there_was_too_much(self) -> None:
        after = await latest()
        await record(self.agent.pk, Status.STARTING)
        with patch("agents.services.agent_news.MOST_MISSED", 0):
            program = await self.listen("agents", after=after)
            assert (await program.message())["resumed"] is False
        await program.leave()

    async def test_everything_if_the_counter_never_was_so_far(self) -> None:
        program = await self.listen("agents", after=await latest() + 1)
        first = await program.message()
        assert (first["type"], first["resumed"]) == ("snapshot", False)
        await program.leave()

    async def test_from_an_empty_hub_to_the_first_that_ever_happened(self) -> None:
        await Change.objects.all().adelete()
        await Agent.objects.all().adelete()
        program = await self.listen("agents")
        first = await program.message()
        assert (first["seq"], first["data"]) == (0, [])
        await program.leave()
        agent = await Agent.objects.acreate(name="first", command=["sleep", "9"])
        await Change.objects.acreate(seq=1, topic="agent", agent_id=agent.pk)
        program = await self.listen("agents", after=0)
        told = await program.message()
        assert (told["resumed"], told["previous"], told["seq"]) == (True, 0, 1)
        assert [one["name"] for one in told["data"]["changed"]] == ["first"]
        await program.leave()

    async def test_from_where_another_hub_had_looked_already(self) -> None:
        """The editor here has not looked since; the program has heard of more."""
        first = await self.listen("agents")
        await first.message()
        with patch.object(ticking, "PERIOD", 0.5):
            await record(self.agent.pk, Status.STARTING)
            program = await self.listen("agents", after=await latest())
            assert (await program.message())["data"]["changed"] == []
        await record(self.agent.pk, Status.RUNNING)
        delta = await program.message()
        assert [line["to"] for line in delta["data"]["history"]] == ["running"]
        for one in (first, program):
            await one.leave()


class TestOneAgent(ProgramCase):
    async def test_its_shape_and_its_latest_history_then_what_happens(self) -> None:
        await record(self.agent.pk, Status.STARTING, "start asked")
        other = await new_agent("other")
        program = await self.listen("agent:web")
        first = await program.message()
        assert first["data"] == {
            "agent": await shape(self.agent),
            "history": await history(),
        }
        await record(other.pk, Status.STARTING)
        await record(self.agent.pk, Status.RUNNING)
        delta = await program.message()
        assert delta["data"]["agent"]["status"] == "running"
        assert [line["to"] for line in delta["data"]["history"]] == ["running"]
        await program.leave()

    async def test_one_that_is_made_later(self) -> None:
        program = await self.listen("agent:later")
        first = await program.message()
        assert first["data"] == {"agent": None, "history": []}
        await new_agent("later")
        delta = await program.message()
        assert delta["data"]["agent"]["name"] == "later"
        await program.leave()


class TestOutput(ProgramCase):
    async def pieces(self, program: Listener, count: int) -> list[Message]:
        found: list[Message] = []
        while len(found) < count:
            message = await program.message()
            if message["type"] == "delta":
                found.append(message["data"])
        return found

    async def test_from_now_on_with_byte_offsets(self) -> None:
        run = await start_run(self.agent)
        write(run, "out", b"old\n")
        program = await self.listen("logs:web")
        first = await program.message()
        assert first["data"] == {"run": 1, "out": 4, "err": 0}
        assert first["resumed"] is False
        write(run, "out", "größer\n".encode())
        (piece,) = await self.pieces(program, 1)
        assert piece == {
            "run": 1,
            "stream": "out",
            "offset": 4,
            "next_offset": 13,
            "data": "größer\n",
        }
        write(run, "err", b"oh")
        (piece,) = await self.pieces(program, 1)
        assert (piece["stream"], piece["data"]) == ("err", "oh")
        await program.leave()

    async def test_goes_on_at_its_position_and_into_the_next_run(self) -> None:
        run = await start_run(self.agent)
        write(run, "out", b"one\ntwo\n")
        await end_run(run, Status.CRASHED, 1, "exited with 1")
        second = await start_run(self.agent)
        write(second, "out", b"three\n")
        position = {"web": {"run": 1, "out": 4, "err": 0}}
        program = await self.listen("logs:web", logs=position)
        assert (await program.message())["resumed"] is True
        pieces = await self.pieces(program, 2)
        assert [(one["run"], one["data"]) for one in pieces] == [
            (1, "two\n"),
            (2, "three\n"),
        ]
        third = await self.restart(second)
        write(third, "out", b"four\n")
        (piece,) = await self.pieces(program, 1)
        assert (piece["run"], piece["offset"], piece["data"]) == (3, 0, "four\n")
        await program.leave()

    async def restart(self, run: Any) -> Any:
        await end_run(run, Status.STOPPED, 0, "stop asked")
        return await start_run(self.agent)

    async def test_no_character_is_cut_in_two(self) -> None:
        run = await start_run(self.agent)
        program = await self.listen("logs:web", logs={"web": {"run": 0}})
        await program.message()
        euro = "€".encode()
        write(run, "out", b"5 " + euro[:1])
        (piece,) = await self.pieces(program, 1)
        assert (piece["data"], piece["next_offset"]) == ("5 ", 2)
        write(run, "out", euro[1:])
        (piece,) = await self.pieces(program, 1)
        assert (piece["data"], piece["next_offset"]) == ("€", 5)
        write(run, "out", euro[:2])
        await end_run(run, Status.STOPPED, 0, "stop asked")
        (piece,) = await self.pieces(program, 1)
        assert (piece["data"], piece["next_offset"]) == ("\ufffd", 7)
        await program.leave()

    async def test_a_flood_arrives_whole(self) -> None:
        run = await start_run(self.agent)
        program = await self.listen("logs:web")
        await program.message()
        flood = b"".join(b"line %06d\n" % at for at in range(40_000))
        write(run, "out", flood)
        came, offset = "", 0
        while offset < len(flood):
            (piece,) = await self.pieces(program, 1)
            assert piece["offset"] == offset
            came, offset = came + piece["data"], piece["next_offset"]
        assert came == flood.decode()
        await program.leave()

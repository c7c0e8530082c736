"""Asking: a wish is a row before anything acts on it, whole or not at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks as OnCommit

from agents.models import Agent, Change, Request, StatusChange
from agents.policy.states import Action, Status
from agents.services import bell, lifecycle
from agents.services.lifecycle import Asked, Asker, KeyTaken
from tests.services.fleet import BOB, ask, make_agent, make_fleet, settle

WITH_KEY = Asker("bob", "api", idempotency_key="once")


@pytest.mark.django_db
class TestOneWish:
    def test_a_wish_is_a_row_that_says_who_what_and_why(self) -> None:
        agent = make_agent()
        asker = Asker("bob", "command", "it hangs")
        (asked,) = lifecycle.ask(Action.RESTART, [agent.pk], asker)
        row = Request.objects.get()
        assert (row.agent, row.agent_name, row.action) == (agent, "worker", "restart")
        assert (row.actor, row.via, row.reason) == ("bob", "command", "it hangs")
        assert (row.outcome, row.settled_at, row.generation) == ("", None, 1)
        assert asked == Asked(agent.pk, "worker", row.pk, 1, already=False)

    @pytest.mark.parametrize(
        ("action", "desired"),
        [
            (Action.START, "running"),
            (Action.RESTART, "running"),
            (Action.STOP, "stopped"),
            (Action.KILL, "stopped"),
        ],
    )
    def test_a_wish_says_what_is_wanted_from_now_on(
        self, action: Action, desired: str
    ) -> None:
        make_agent(desired_state="running" if desired == "stopped" else "stopped")
        ask(action, Agent.objects.get())
        agent = Agent.objects.get()
        assert (agent.desired_state, agent.wanted_action) == (desired, action.value)
        assert (agent.wanted_by, agent.generation) == ("bob", 1)

    def test_asking_changes_nothing_that_is_observed(self) -> None:
        agent = make_agent(status="crashed", status_reason="exited with 1", pid=None)
        ask(Action.START, agent)
        stored = Agent.objects.get()
        assert (stored.status, stored.status_reason) == ("crashed", "exited with 1")
        assert stored.status_since == agent.status_since
        assert (stored.observed_generation, stored.revision) == (0, 1)
        assert not StatusChange.objects.exists()

    def test_each_wish_is_one_generation_further(self) -> None:
        agent = make_agent()
        found = [ask(Action.START, agent)[0].generation for _ in range(3)]
        assert found == [1, 2, 3]

    def test_no_wish_fails_for_a_letter_of_its_reason(self) -> None:
        """A shell's arguments may be any bytes, and a program's JSON any halves."""
        ask(Action.STOP, make_agent(), asker=Asker("bob", "api", "é\ud83d\0\udcff!"))
        assert Request.objects.get().reason == "é???!"

    def test_a_wish_is_news_of_its_agent(self) -> None:
        agent = make_agent()
        ask(Action.START, agent)
        assert list(Change.objects.values_list("topic", "agent_id")) == [
            ("request", agent.pk)
        ]


@pytest.mark.django_db
class TestSuperseding:
    def test_a_later_wish_supersedes_an_open_one_and_says_so(self) -> None:
        agent = make_agent()
        ask(Action.START, agent)
        ask(Action.STOP, agent, asker=Asker("alice", "admin"))
        latest, earlier = Request.objects.all()
        assert (earlier.outcome, earlier.detail) == (
            "superseded",
            "superseded by alice's stop",
        )
        assert earlier.settled_at is not None
        assert latest.outcome == ""

    def test_a_settled_wish_keeps_its_outcome(self) -> None:
        agent = make_agent()
        ask(Action.START, agent)
        settle(agent)
        ask(Action.STOP, agent)
        assert list(Request.objects.values_list("outcome", flat=True)) == ["", "done"]

    def test_other_agents_wishes_stay_open(self) -> None:
        one, other = make_fleet(2)
        ask(Action.START, one, other)
        ask(Action.STOP, one)
        assert Request.objects.get(agent=other).outcome == ""


ALL_BUT_RUNNING = [status for status in Status if status is not Status.RUNNING]
ALL_BUT_STOPPED = [status for status in Status if status is not Status.STOPPED]


@pytest.mark.django_db
class TestAlready:
    @pytest.mark.parametrize(
        ("action", "status", "already"),
        [
            (Action.START, Status.RUNNING, True),
            *[(Action.START, status, False) for status in ALL_BUT_RUNNING],
            (Action.STOP, Status.STOPPED, True),
            *[(Action.STOP, status, False) for status in ALL_BUT_STOPPED],
            (Action.KILL, Status.STOPPED, True),
            *[(Action.KILL, status, False) for status in ALL_BUT_STOPPED],
            *[(Action.RESTART, status, False) for status in Status],
        ],
    )
    def test_already_is_said_of_what_is_so(
        self, action: Action, status: Status, already: bool
    ) -> None:
        agent = make_agent(status=status, generation=4, observed_generation=4)
        assert ask(action, agent)[0].already is already

    @pytest.mark.parametrize("action", list(Action))
    @pytest.mark.parametrize("status", ["running", "stopped"])
    def test_nothing_is_already_so_while_a_wish_is_open(
        self, action: Action, status: str
    ) -> None:
        agent = make_agent(status=status, generation=5, observed_generation=4)
        assert ask(action, agent)[0].already is False

    def test_what_is_already_so_is_recorded_all_the_same(self) -> None:
        agent = make_agent()
        assert ask(Action.STOP, agent)[0].already is True
        assert Request.objects.get().outcome == ""


@pytest.mark.django_db
class TestIdempotency:
    def test_a_wish_that_comes_twice_is_recorded_once(self) -> None:
        agent = make_agent()
        (first,) = ask(Action.START, agent, asker=WITH_KEY)
        (again,) = ask(Action.START, agent, asker=WITH_KEY)
        assert (again.request_id, again.generation) == (first.request_id, 1)
        assert (first.already, again.already) == (False, True)
        assert Request.objects.count() == Agent.objects.get().generation == 1

    def test_a_repeated_wish_does_not_supersede_a_later_one(self) -> None:
        agent = make_agent()
        ask(Action.START, agent, asker=WITH_KEY)
        ask(Action.STOP, agent)
        ask(Action.START, agent, asker=WITH_KEY)
        assert Agent.objects.get().desired_state == "stopped"
        assert Request.objects.filter(outcome="").get().action == "stop"

    def test_the_same_key_may_be_used_for_each_agent(self) -> None:
        one, other = make_fleet(2)
        ask(Action.START, one, asker=WITH_KEY)
        assert ask(Action.START, other, asker=WITH_KEY)[0].already is False

    def test_of_many_only_those_are_recorded_that_are_new(self) -> None:
        fleet = make_fleet(4)
        ask(Action.START, fleet[2], asker=WITH_KEY)
        asked = ask(Action.START, *fleet, asker=WITH_KEY)
        assert [one.name for one in asked] == [agent.name for agent in fleet]
        assert [one.already for one in asked] == [False, False, True, False]
        assert Request.objects.count() == 4

    def test_a_key_that_was_used_for_another_action_is_an_error(self) -> None:
        """To answer a stop with the start of long ago would lose the stop."""
        one, other = make_fleet(2)
        ask(Action.START, one, asker=WITH_KEY)
        with pytest.raises(KeyTaken, match=r"'once' was used to start worker-000"):
            ask(Action.STOP, other, one, asker=WITH_KEY)
        assert Request.objects.count() == 1
        assert not Agent.objects.filter(wanted_by="bob", desired_state="stopped")

    def test_wishes_without_a_key_are_all_recorded(self) -> None:
        agent = make_agent()
        ask(Action.START, agent)
        ask(Action.START, agent)
        assert Request.objects.count() == 2


@pytest.mark.django_db
class TestMany:
    def test_unknown_agents_are_left_out(self) -> None:
        agent = make_agent()
        asked = lifecycle.ask(Action.START, [agent.pk, 10**9, -1], BOB)
        assert [one.name for one in asked] == ["worker"]
        assert lifecycle.ask(Action.START, [10**9], BOB) == []
        assert lifecycle.ask(Action.START, [], BOB) == []
        assert Request.objects.count() == 1

    def test_an_agent_that_is_named_twice_is_asked_once(self) -> None:
        agent = make_agent()
        assert len(ask(Action.START, agent, agent)) == 1
        assert Agent.objects.get().generation == 1

    def test_many_agents_are_asked_in_few_queries(self) -> None:
        """For 70 agents two more than for one: a door may ask hundreds at once."""
        fleet = make_fleet(71)
        with CaptureQueriesContext(connection) as one:
            ask(Action.START, fleet[70])
        with CaptureQueriesContext(connection) as many:
            asked = ask(Action.START, *fleet[:70])
        assert len(many) <= len(one) + 2 <= 12
        assert [found.agent_id for found in asked] == [one.pk for one in fleet[:70]]
        for found in asked:
            row = Request.objects.get(pk=found.request_id)
            assert (row.agent_id, row.generation) == (found.agent_id, 1)

    def test_each_agent_has_its_own_generation(self) -> None:
        one, other = make_agent("one", generation=7), make_agent("other")
        asked = ask(Action.STOP, one, other)
        assert [found.generation for found in asked] == [8, 1]

    def test_a_wish_is_recorded_whole_or_not_at_all(self) -> None:
        one, other = make_fleet(2)
        # A row in the way, as no part of the hub would leave it.
        Request.objects.create(
            agent=other, agent_name=other.name, action="start", generation=1, actor="x"
        )
        with pytest.raises(IntegrityError), transaction.atomic():
            ask(Action.START, one, other)
        assert set(Agent.objects.values_list("generation", flat=True)) == {0}
        assert not Change.objects.exists()
        assert not Request.objects.filter(agent=one).exists()


class Rings:
    """Counts the rings for a node; the loop is real, and runs when looked at."""

    def __init__(self, node: str) -> None:
        self._node, self._count = node, 0
        self._loop = asyncio.new_event_loop()
        bell.answer(node, self._loop, self._wake)

    def _wake(self) -> None:
        self._count += 1

    def count(self) -> int:
        self._loop.run_until_complete(asyncio.sleep(0))
        return self._count

    def close(self) -> None:
        bell.stop_answering(self._node)
        self._loop.close()


@pytest.fixture
def rings() -> Iterator[Rings]:
    found = Rings("local")
    yield found
    found.close()


@pytest.mark.django_db
class TestBell:
    def test_the_bell_is_rung_once_for_many(
        self, rings: Rings, django_capture_on_commit_callbacks: OnCommit
    ) -> None:
        fleet = make_fleet(5)
        with django_capture_on_commit_callbacks(execute=True):
            ask(Action.START, *fleet)
            assert rings.count() == 0, "It rang before the rows were there."
        assert rings.count() == 1

    def test_the_bell_is_not_rung_for_what_is_taken_back(
        self, rings: Rings, django_capture_on_commit_callbacks: OnCommit
    ) -> None:
        agent = make_agent()
        with (
            django_capture_on_commit_callbacks(execute=True),
            pytest.raises(RuntimeError),
            transaction.atomic(),
        ):
            ask(Action.START, agent)
            raise RuntimeError
        assert rings.count() == 0

    def test_the_bell_is_not_rung_for_nobody(
        self, rings: Rings, django_capture_on_commit_callbacks: OnCommit
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            lifecycle.ask(Action.START, [10**9], BOB)
        assert rings.count() == 0


def in_threads(count: int, job: Callable[[int], None]) -> list[BaseException]:
    """Run the job in so many threads that begin together; what they raised."""
    together = threading.Barrier(count)
    raised: list[BaseException] = []

    def run(number: int) -> None:
        try:
            together.wait(timeout=10)
            job(number)
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return raised


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_twenty_people_ask_at_once_and_one_wish_stays_open(self) -> None:
        agent = make_agent()
        asked: list[Asked] = []

        def restart(number: int) -> None:
            asker = Asker(f"person-{number}", "page")
            asked.extend(lifecycle.ask(Action.RESTART, [agent.pk], asker))

        assert in_threads(20, restart) == []
        assert sorted(one.generation for one in asked) == list(range(1, 21))
        assert Agent.objects.get().generation == 20
        still_open = Request.objects.get(outcome="")
        assert still_open.generation == 20
        assert Agent.objects.get().wanted_by == still_open.actor
        assert Request.objects.filter(outcome="superseded").count() == 19

    def test_one_key_from_ten_sides_is_one_wish(self) -> None:
        agent = make_agent()
        asked: list[Asked] = []

        def start(_: int) -> None:
            asked.extend(lifecycle.ask(Action.START, [agent.pk], WITH_KEY))

        assert in_threads(10, start) == []
        assert len({one.request_id for one in asked}) == 1
        assert sorted(one.already for one in asked) == [False] + [True] * 9
        assert Request.objects.count() == 1

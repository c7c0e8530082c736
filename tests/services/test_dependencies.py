"""Dependencies in the tables: what is refused, and who is asked to start as well."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Request
from agents.policy.states import Action
from agents.services import lifecycle, setups, transfer
from agents.services.lifecycle import Asker
from tests.services.fleet import ask, make_fleet, settle
from tests.services.plans import item, problem, stored

pytestmark = pytest.mark.django_db


def needs(*names: str, condition: str = "started") -> list[dict[str, str]]:
    return [{"agent": name, "condition": condition} for name in names]


def refusal(agent: Agent) -> str:
    with pytest.raises(ValidationError) as caught:
        setups.save(agent)
    return str(caught.value.message_dict["depends_on"][0])


def wishes() -> dict[str, tuple[str, str]]:
    rows = Request.objects.filter(outcome="")
    return {row.agent_name: (row.action, row.reason) for row in rows}


class TestSaving:
    def test_the_condition_is_written_out(self) -> None:
        stored("store")
        web = stored("web", depends_on=[{"agent": "store"}])
        assert Agent.objects.get(pk=web.pk).depends_on == needs("store")

    def test_an_agent_that_there_is_not_is_refused(self) -> None:
        stored("store")
        web = Agent(name="web", command=["true"], depends_on=needs("stor"))
        assert refusal(web) == "There is no agent 'stor'. Did you mean 'store'?"

    def test_itself_is_refused(self) -> None:
        web = Agent(name="web", command=["true"], depends_on=needs("web"))
        assert "cannot depend on itself" in refusal(web)

    def test_a_circle_is_refused_in_words(self) -> None:
        a = stored("a")
        stored("b", depends_on=needs("a"))
        stored("c", depends_on=needs("b"))
        a.depends_on = needs("c")
        assert "a -> c -> b -> a" in refusal(a)

    def test_a_change_of_it_restarts_nothing(self) -> None:
        stored("store")
        web = stored("web")
        web.depends_on = needs("store")
        assert setups.save(web) == ["depends_on"]
        assert (web.revision, web.launch_revision) == (2, 1)


class TestDeleting:
    def test_what_others_need_stays(self) -> None:
        store = stored("store")
        stored("web", depends_on=needs("store"))
        stored("api", depends_on=needs("store"))
        with pytest.raises(setups.StillNeeded, match="needed by api and web"):
            setups.delete(store)
        assert Agent.objects.filter(name="store").exists()

    def test_it_goes_when_nobody_needs_it_any_longer(self) -> None:
        store = stored("store")
        setups.delete(stored("web", depends_on=needs("store")))
        setups.delete(store)
        assert not Agent.objects.exists()


class TestFiles:
    def test_agents_of_one_file_may_name_each_other_in_any_order(self) -> None:
        plan = transfer.carry_out(
            [
                item("web", depends_on=[{"agent": "queue", "condition": "healthy"}]),
                item("queue", depends_on=[{"agent": "store"}]),
                item("store"),
            ]
        )
        assert plan.problems == ()
        web = Agent.objects.get(name="web")
        assert web.depends_on == needs("queue", condition="healthy")

    def test_what_is_exported_is_imported_without_a_difference(self) -> None:
        stored("store")
        stored("web", depends_on=needs("store"))
        plan = transfer.make_plan(transfer.export(Agent.objects.all()))
        assert {entry.step for entry in plan.entries} == {transfer.Step.UNCHANGED}

    def test_a_dependency_can_be_turned_round_by_a_file(self) -> None:
        stored("a")
        stored("b", depends_on=needs("a"))
        plan = transfer.carry_out([item("a", depends_on=needs("b")), item("b")])
        assert plan.problems == ()
        assert Agent.objects.get(name="a").depends_on == needs("b")

    def test_a_circle_in_a_file_is_refused_whole(self) -> None:
        found = problem(
            item("a", depends_on=needs("b")), item("b", depends_on=needs("a"))
        )
        assert found[:2] == ("a", "depends_on")
        assert "a -> b -> a" in found[2]
        assert not Agent.objects.exists()

    def test_a_circle_with_agents_that_are_there_is_refused(self) -> None:
        stored("a")
        stored("b", depends_on=needs("a"))
        assert "a -> b -> a" in problem(item("a", depends_on=needs("b")))[2]

    def test_a_name_that_is_nowhere_is_refused(self) -> None:
        stored("store")
        found = problem(item("web", depends_on=[{"agent": "stroe"}]))
        assert found[1:] == (
            "depends_on",
            "There is no agent 'stroe'. Did you mean 'store'?",
        )


class TestAsking:
    def test_what_is_needed_is_asked_to_start_in_the_same_breath(self) -> None:
        stored("store")
        stored("queue", depends_on=needs("store"))
        web = stored("web", depends_on=needs("queue"))
        asked = lifecycle.ask(Action.RESTART, [web.pk], Asker("bob", "api", "tour"))
        assert [one.name for one in asked] == ["web"]
        assert wishes() == {
            "web": ("restart", "tour"),
            "queue": ("start", "needed by web"),
            "store": ("start", "needed by web"),
        }
        assert set(Request.objects.values_list("actor", "via")) == {("bob", "api")}

    def test_one_that_is_asked_itself_is_asked_once(self) -> None:
        store = stored("store")
        web = stored("web", depends_on=needs("store"))
        ask(Action.START, store, web)
        assert wishes() == {"store": ("start", ""), "web": ("start", "")}

    def test_one_that_runs_is_left_alone(self) -> None:
        store = stored("store")
        web = stored("web", depends_on=needs("store"))
        ask(Action.START, store)
        settle(store, status="running")
        ask(Action.START, web)
        assert set(wishes()) == {"web"}

    def test_one_that_is_wanted_running_is_left_alone(self) -> None:
        store = stored("store")
        web = stored("web", depends_on=needs("store"))
        ask(Action.START, store)
        ask(Action.START, web)
        assert Agent.objects.get(name="store").generation == 1

    @pytest.mark.parametrize("status", ["crashed", "stopped"])
    def test_one_that_is_down_is_asked_again(self, status: str) -> None:
        store = stored("store")
        web = stored("web", depends_on=needs("store"))
        ask(Action.START, store)
        settle(store, status=status)
        ask(Action.START, web)
        assert wishes()["store"] == ("start", "needed by web")

    @pytest.mark.parametrize(
        ("condition", "again"), [("completed", False), ("started", True)]
    )
    def test_a_job_that_has_completed_is_not_run_again(
        self, condition: str, again: bool
    ) -> None:
        stored("store")
        job = stored("job", depends_on=needs("store"))
        web = stored("web", depends_on=needs("job", condition=condition))
        ask(Action.START, job)
        for agent in (job, Agent.objects.get(name="store")):
            settle(agent, status="stopped", status_source="exit status")
        ask(Action.START, web)
        assert ("job" in wishes()) is again
        assert ("store" in wishes()) is again, "what it needed has served too"

    def test_many_that_need_one_are_named(self) -> None:
        stored("store")
        webs = [stored(f"web-{n}", depends_on=needs("store")) for n in range(3)]
        ask(Action.START, *webs)
        assert wishes()["store"][1] == "needed by web-0, web-1 and web-2"

    @pytest.mark.parametrize("action", [Action.STOP, Action.KILL])
    def test_a_stop_asks_nobody_else(self, action: Action) -> None:
        stored("store")
        ask(action, stored("web", depends_on=needs("store")))
        assert set(wishes()) == {"web"}

    def test_without_dependencies_a_start_costs_one_small_query_more(self) -> None:
        fleet = make_fleet(50)
        counts: dict[Action, Any] = {}
        for action in (Action.STOP, Action.START):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                ask(action, *fleet)
            counts[action] = len(queries)
        assert counts[Action.START] == counts[Action.STOP] + 1

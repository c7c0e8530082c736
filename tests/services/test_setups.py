"""Making, changing and deleting agents: revisions, races, and what stays."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from agents.models import Agent, Change, Request, Run, StatusChange
from agents.models.setup_fields import SETUP_FIELDS
from agents.policy.states import Action, Status
from agents.services import setups
from agents.services.setups import StillAlive
from tests.services.fleet import ask, make_agent, make_run, settle


def new(name: str = "worker", **values: Any) -> Agent:
    return Agent(name=name, **{"command": ["sleep", "60"], **values})


def news() -> list[tuple[str, int | None]]:
    return list(Change.objects.values_list("topic", "agent_id"))


@pytest.mark.django_db
class TestSaving:
    def test_a_new_agent_is_stored_at_revision_one_and_does_not_run(self) -> None:
        agent = new(role="sleeps")
        assert setups.save(agent) == SETUP_FIELDS
        stored = Agent.objects.get()
        assert (stored.name, stored.role, stored.revision) == ("worker", "sleeps", 1)
        assert (stored.status, stored.desired_state) == ("stopped", "stopped")
        assert stored.generation == 0
        assert news() == [("setup", stored.pk)]

    def test_what_cannot_work_is_not_stored(self) -> None:
        with pytest.raises(ValidationError) as caught:
            setups.save(new(command=[], stop_signal="NOPE"))
        assert caught.value.message_dict.keys() == {"command", "stop_signal"}
        assert not Agent.objects.exists()
        assert news() == []

    def test_each_change_is_one_revision_further(self) -> None:
        agent = new()
        setups.save(agent)
        for number in (2, 3):
            agent.role = f"role {number}"
            assert setups.save(agent) == ["role"]
            assert Agent.objects.get().revision == agent.revision == number
        assert len(news()) == 3

    def test_a_save_without_a_change_is_none(self) -> None:
        agent = new(labels={"a": "1", "b": "2"}, stop_signal="TERM")
        setups.save(agent)
        again = Agent.objects.get()
        again.labels, again.stop_signal = {"b": "2", "a": "1"}, "SIGTERM"
        assert setups.save(again) == []
        assert Agent.objects.get().revision == 1
        assert len(news()) == 1

    def test_all_that_changed_is_named(self) -> None:
        agent = new()
        setups.save(agent)
        agent.command, agent.max_restarts, agent.env = ["true"], None, {"A": "b"}
        assert setups.save(agent) == ["command", "env", "max_restarts"]

    def test_a_change_that_cannot_work_changes_nothing(self) -> None:
        agent = new()
        setups.save(agent)
        agent.command = []
        with pytest.raises(ValidationError, match="The command is empty"):
            setups.save(agent)
        stored = Agent.objects.get()
        assert (stored.command, stored.revision) == (["sleep", "60"], 1)

    def test_a_name_cannot_be_changed(self) -> None:
        agent = new()
        setups.save(agent)
        agent.name = "other"
        with pytest.raises(ValidationError, match="A name never changes"):
            setups.save(agent)

    @pytest.mark.parametrize("name", ["worker", "Worker"])
    def test_a_name_is_given_once(self, name: str) -> None:
        setups.save(new("worker"))
        with pytest.raises(ValidationError) as caught:
            setups.save(new(name))
        assert caught.value.message_dict == {
            "name": ["An agent of this name exists already."]
        }

    def test_a_change_of_set_up_restarts_nothing(self) -> None:
        agent = make_agent(
            status="running",
            desired_state="running",
            generation=2,
            observed_generation=2,
            run_revision=1,
        )
        # Read before the supervisor wrote; saved after.
        Agent.objects.update(pid=42, restarts_total=3)
        agent.role = "changed"
        setups.save(agent)
        stored = Agent.objects.get()
        assert (stored.revision, stored.run_revision) == (2, 1)
        assert (stored.generation, stored.observed_generation) == (2, 2)
        assert (stored.status, stored.pid, stored.restarts_total) == ("running", 42, 3)
        assert not Request.objects.exists()

    @pytest.mark.parametrize(
        ("values", "launched_with"),
        [
            ({"command": ["true"]}, 2),
            ({"env": {"A": "b"}}, 2),
            ({"cwd": "/"}, 2),
            ({"stdin": "fifo"}, 2),
            ({"role": "changed", "cwd": "/"}, 2),
            ({"role": "changed"}, 1),
            ({"labels": {"a": "b"}, "max_restarts": None, "stop_grace": 1}, 1),
        ],
    )
    def test_only_what_a_program_is_started_with_waits_for_a_restart(
        self, values: dict[str, Any], launched_with: int
    ) -> None:
        agent = make_agent(status="running", run_revision=1)
        for name, value in values.items():
            setattr(agent, name, value)
        setups.save(agent)
        stored = Agent.objects.get()
        assert (stored.revision, stored.launch_revision) == (2, launched_with)
        assert stored.runs_older_setup is (launched_with == 2)
        stored.role = "changed again"
        setups.save(stored)
        assert Agent.objects.get().launch_revision == launched_with

    def test_what_does_not_run_runs_no_older_set_up(self) -> None:
        agent = make_agent(status="stopped", run_revision=1)
        agent.command = ["true"]
        setups.save(agent)
        assert Agent.objects.get().runs_older_setup is False

    def test_an_agent_that_was_deleted_meanwhile_is_not_brought_back(self) -> None:
        agent = make_agent()
        Agent.objects.all().delete()
        agent.role = "changed"
        with pytest.raises(Agent.DoesNotExist):
            setups.save(agent)
        assert not Agent.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["worker", "Worker"])
def test_who_comes_second_for_a_name_gets_a_message_and_no_error_of_the_database(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = new(name)
    found_in_order = threading.Event()

    def full_clean() -> None:
        Agent.full_clean(second)
        found_in_order.set()

    monkeypatch.setattr(second, "full_clean", full_clean)
    told: list[BaseException] = []

    def create() -> None:
        try:
            setups.save(second)
        except BaseException as error:
            told.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=create)
    with transaction.atomic():
        setups.save(new("worker"))
        thread.start()
        # It cannot see the first one yet, and now waits to write.
        assert found_in_order.wait(timeout=10)
    thread.join(timeout=30)
    assert [type(error) for error in told] == [ValidationError]
    assert Agent.objects.get().name == "worker"


@pytest.mark.django_db
class TestDeleting:
    @pytest.mark.parametrize("status", [Status.STOPPED, Status.CRASHED])
    def test_an_agent_that_is_not_alive_can_be_deleted(self, status: Status) -> None:
        agent = make_agent(status=status)
        setups.delete(agent)
        assert not Agent.objects.exists()
        assert len(news()) == 1

    @pytest.mark.parametrize(
        "status", sorted(set(Status) - {Status.STOPPED, Status.CRASHED})
    )
    def test_an_agent_that_may_be_alive_cannot_be_deleted(self, status: Status) -> None:
        agent = make_agent()
        # Seen only in the database: what the page showed may be old.
        Agent.objects.update(status=status)
        with pytest.raises(StillAlive) as caught:
            setups.delete(agent)
        assert str(caught.value) == (f"worker is {status}. Stop it before deleting it.")
        assert Agent.objects.exists()
        assert news() == []

    def test_an_agent_that_is_about_to_start_cannot_be_deleted(self) -> None:
        agent = make_agent()
        ask(Action.START, agent)
        with pytest.raises(StillAlive) as caught:
            setups.delete(agent)
        assert str(caught.value) == (
            "worker has been asked to start. "
            "Stop it, or wait until that is done, before deleting it."
        )

    def test_the_history_of_a_deleted_agent_stays(self) -> None:
        agent = make_agent()
        ask(Action.STOP, agent)
        settle(agent)
        run = make_run(agent, ended_at=agent.created_at)
        Agent.objects.update(run=run)
        StatusChange.objects.create(
            agent=agent,
            agent_name=agent.name,
            from_status="running",
            to_status="stopped",
            reason="stopped, as asked by bob",
            source="sweep",
            run=run,
            at=agent.created_at,
        )
        setups.delete(agent)
        assert Request.objects.get().agent_name == "worker"
        assert Run.objects.get().agent_name == "worker"
        assert StatusChange.objects.get().run == Run.objects.get()

    def test_the_name_of_a_deleted_agent_is_free_again(self) -> None:
        agent = make_agent()
        make_run(agent, 1, ended_at=agent.created_at)
        setups.delete(agent)
        setups.save(new("worker"))
        make_run(Agent.objects.get(), 1)
        assert Run.objects.filter(agent_name="worker", number=1).count() == 2

    def test_what_was_deleted_already_is_an_error(self) -> None:
        agent = make_agent()
        stale = Agent.objects.get()
        setups.delete(agent)
        with pytest.raises(Agent.DoesNotExist):
            setups.delete(stale)

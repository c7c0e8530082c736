"""Set-ups leave and enter as data: planned whole, written whole, secrets kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from agents.models import Agent, Change
from agents.models.setup_fields import SETUP_FIELDS
from agents.policy.states import Action
from agents.services import lifecycle, setup_files, transfer
from agents.services.lifecycle import Asker
from agents.services.setup_keys import RESERVED
from agents.services.transfer import Difference, Step
from tests.harness.recorded import run_of
from tests.services.plans import (
    COMMAND,
    DESIGN_ORDER,
    differences,
    item,
    problem,
    stored,
)

pytestmark = pytest.mark.django_db


# Export


def test_every_key_is_exported_in_the_order_of_the_design() -> None:
    (exported,) = transfer.export([stored("worker")])
    assert list(exported) == DESIGN_ORDER
    assert exported["restart_window"] == 600
    assert isinstance(exported["restart_window"], int)


def test_secrets_are_not_exported() -> None:
    agent = stored("worker", env={"API_KEY": "s3cret", "LANG": "C"})
    (exported,) = transfer.export([agent])
    assert exported["env"] == {"API_KEY": None, "LANG": "C"}
    for write in (setup_files.as_yaml, setup_files.as_json):
        assert "s3cret" not in write([exported])


def test_an_export_imported_again_changes_nothing(tmp_path: Path) -> None:
    stored(
        "worker",
        env={"API_KEY": "s3cret", "LANG": "C"},
        cwd=str(tmp_path),
        labels={"team": "search"},
        max_restarts=None,
        stop_grace=0.5,
    )
    before = Agent.objects.values().get()
    text = setup_files.as_yaml(transfer.export(Agent.objects.all()))
    plan = transfer.carry_out(setup_files.parse(text.encode()))
    assert [entry.step for entry in plan.entries] == [Step.UNCHANGED]
    assert Agent.objects.values().get() == before


def test_a_budget_goes_out_and_in_again_and_is_gone_where_it_is_left_out() -> None:
    stored("worker", budget={"day": 2.5, "month": 80})
    text = setup_files.as_yaml(transfer.export(Agent.objects.all()))
    assert "budget:\n    day: 2.5\n    month: 80\n" in text
    plan = transfer.carry_out(setup_files.parse(text.encode()))
    assert [entry.step for entry in plan.entries] == [Step.UNCHANGED]
    (entry,) = transfer.carry_out([item(budget={"day": 3})]).entries
    assert entry.differences == (
        Difference("budget", {"day": 2.5, "month": 80}, {"day": 3}),
    )
    assert not entry.restart
    assert Agent.objects.get().budget == {"day": 3}
    transfer.carry_out([item()])
    assert Agent.objects.get().budget == {}


def test_a_budget_that_makes_no_sense_is_refused_by_its_key() -> None:
    assert problem(item(budget={"week": 5})) == (
        "worker",
        "budget",
        "There is no period 'week'. Use day or month.",
    )


# What an import makes


def test_a_new_agent_is_made_with_defaults_for_what_is_left_out() -> None:
    plan = transfer.carry_out([item(role="tests")])
    agent = Agent.objects.get()
    assert (agent.name, agent.role, agent.auto_restart) == (
        "worker",
        "tests",
        "on_failure",
    )
    assert agent.status == "stopped"
    assert plan.entries[0].step is Step.CREATE
    assert differences(plan) == {"role": (None, "tests"), "command": (None, COMMAND)}


def test_null_is_as_good_as_left_out_but_for_the_limit_of_restarts() -> None:
    transfer.carry_out([item(role=None, cwd=None, env=None, max_restarts=None)])
    agent = Agent.objects.get()
    assert (agent.role, agent.cwd, agent.env) == ("", "", {})
    assert agent.max_restarts is None


def test_a_missing_key_takes_its_default_on_an_agent_that_exists() -> None:
    stored("worker", role="old", stop_grace=3, env={"LANG": "C"})
    plan = transfer.carry_out([item(role="new")])
    agent = Agent.objects.get()
    assert (agent.role, agent.stop_grace, agent.env) == ("new", 10, {})
    assert agent.revision == 2
    assert differences(plan) == {
        "role": ("old", "new"),
        "stop_grace": (3, 10),
        "env.LANG": ("C", None),
    }


def test_the_desired_state_and_all_that_was_observed_stay() -> None:
    agent = stored("worker")
    lifecycle.ask(Action.START, [agent.pk], Asker("me", "command"))
    agent.refresh_from_db()
    run_of(agent)
    before = dict(Agent.objects.values().get().items())
    (entry,) = transfer.carry_out([item(role="new")]).entries
    after = dict(Agent.objects.values().get().items())
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"role", "revision"}
    assert not entry.restart


def test_what_runs_needs_a_restart_for_another_launch_and_for_nothing_else() -> None:
    for name in ("role", "command", "env"):
        run_of(stored(name))
    stored("stopped")
    plan = transfer.carry_out(
        [
            item("role", role="new"),
            item("command", command=["true"]),
            item("env", env={"LANG": "C"}),
            item("stopped", command=["true"]),
        ]
    )
    found = {entry.name: entry.restart for entry in plan.entries}
    assert found == {"role": False, "command": True, "env": True, "stopped": False}
    for agent in Agent.objects.all():
        assert agent.runs_older_setup == found[agent.name]


def test_agents_that_the_file_does_not_name_are_left_alone() -> None:
    stored("other", role="untouched")
    before = Agent.objects.values().get()
    transfer.carry_out([item()])
    assert Agent.objects.values().get(name="other") == before


def test_an_agent_that_stays_as_it_is_is_not_written() -> None:
    stored("worker")
    changes = Change.objects.count()
    transfer.carry_out([item()])
    assert Change.objects.count() == changes
    assert Agent.objects.get().revision == 1


def test_the_stop_signal_is_stored_without_sig() -> None:
    transfer.carry_out([item(stop_signal="SIGINT")])
    assert Agent.objects.get().stop_signal == "INT"
    stored("other", stop_signal="TERM")
    plan = transfer.make_plan([item("other", stop_signal="sigterm")])
    assert plan.entries[0].step is Step.UNCHANGED


# What an import refuses


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({"comand": []}, "comand", "Did you mean 'command'"),
        ({"zebra": 1}, "zebra", "There is no such key."),
        ({7: 1}, "7", "There is no such key."),
        ({"command": "sleep 60"}, "command", "list of strings"),
        ({"command": []}, "command", "empty"),
        ({"command": [["sleep"]]}, "command", "list of strings"),
        ({"command": ["a\ud800"]}, "command", "surrogate"),
        ({"role": 5}, "role", "Give a text"),
        ({"role": "x" * 201}, "role", "200"),
        ({"role": "a\0b"}, "role", "control characters"),
        ({"labels": {"a": 1}}, "labels", "printable text"),
        ({"labels": [1]}, "labels", "mapping"),
        ({"capabilities": "review"}, "capabilities", "list of short texts"),
        ({"env": {"PORT": 8080}}, "env", "PORT: the value must be a text"),
        ({"env": {"AGENTHUB_RUN": "x"}}, "env", "the hub's own"),
        ({"cwd": "/no/such/place"}, "cwd", "not a directory"),
        ({"max_concurrent_tasks": True}, "max_concurrent_tasks", "whole number"),
        ({"allow_commands": "yes"}, "allow_commands", "true or false"),
        ({"kind": ["x"]}, "kind", "not one of process_wrapper"),
        ({"adapter": "comand"}, "adapter", "Did you mean 'command'?"),
        ({"node": "moon"}, "node", "no node 'moon'"),
        ({"auto_restart": "on-failure"}, "auto_restart", "Did you mean 'on_failure'?"),
        ({"auto_restart": True}, "auto_restart", "True is not one of never"),
        ({"stdin": "pipe"}, "stdin", "not one of none, fifo"),
        ({"max_restarts": 1.5}, "max_restarts", "whole number"),
        ({"max_restarts": True}, "max_restarts", "whole number"),
        ({"max_restarts": -1}, "max_restarts", "0 or more"),
        ({"restart_window": "10s"}, "restart_window", "without a unit"),
        ({"stop_grace": True}, "stop_grace", "Give a number"),
        ({"stop_grace": float("nan")}, "stop_grace", "not endless"),
        ({"stop_grace": 10**400}, "stop_grace", "not endless"),
        ({"stop_grace": -1}, "stop_grace", "0 seconds or more"),
        ({"backoff_initial": 90}, "backoff_initial", "longer than the longest"),
        ({"stop_signal": "STOPP"}, "stop_signal", "not a signal"),
        ({"stop_signal": "STOP"}, "stop_signal", "cannot end it"),
        ({"cwd": "/\ud800"}, "cwd", "surrogate"),
        ({"labels": {"a": "\ud800"}}, "labels", "printable"),
        ({"env": {"A": "\ud800"}}, "env", "surrogate"),
        ({"node": "\ud800"}, "node", "no node"),
        ({"name": "../x"}, "name", "letters, digits"),
        ({"name": "x" * 300}, "name", "1 to 63"),
        ({"name": "batch"}, "name", "reserved"),
        ({"name": 5}, "name", "quotes"),
        ({"name": None}, "name", "Give the agent a name"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_agent_and_key(
    keys: dict[Any, Any], key: str, words: str
) -> None:
    who, found, message = problem(item() | keys)
    assert who == ("#1" if "name" in keys else "worker")
    assert found == key
    assert words in message


def test_an_agent_that_is_no_mapping_is_refused_by_its_place() -> None:
    assert problem(item(), "worker") == (
        "#2",
        "",
        "An agent is a mapping of keys to values.",
    )


@pytest.mark.parametrize("second", ["worker", "Worker"])
def test_a_name_that_stands_twice_in_a_file_is_refused(second: str) -> None:
    who, key, message = problem(item(), item(second))
    assert (who, key) == (second, "name")
    assert message == "#1 and #2 of the file have the same name."


def test_a_name_that_differs_by_case_from_an_agents_is_refused() -> None:
    stored("Worker")
    assert "'Worker' exists already" in problem(item("worker"))[2]


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_key_of_a_later_version_may_say_nothing(key: str) -> None:
    nothing: list[Any] = [None, "", [], {}, RESERVED[key]]
    for value in nothing:
        assert transfer.make_plan([item() | {key: value}]).problems == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("workspace_mode", "worktree"),
    ],
)
def test_a_key_of_a_later_version_that_says_something_is_refused(
    key: str, value: Any
) -> None:
    found = problem(item(**{key: value}))
    assert found == (
        "worker",
        key,
        f"{key} is not supported by this version. Leave it out.",
    )


def test_all_problems_of_all_agents_are_told_and_nothing_is_written() -> None:
    plan = transfer.carry_out(
        [
            item("good"),
            item("bad", command="x", cwd="/no/such/place", stop_signal="NO"),
            item("worse", zebra=1, backoff_max=0.5),
        ]
    )
    assert {(one.agent, one.key) for one in plan.problems} == {
        ("bad", "command"),
        ("bad", "cwd"),
        ("bad", "stop_signal"),
        ("worse", "zebra"),
        ("worse", "backoff_initial"),
    }
    assert plan.entries == ()
    assert not Agent.objects.exists()


def test_a_plan_with_problems_cannot_be_applied() -> None:
    with pytest.raises(transfer.Refused):
        transfer.apply(transfer.make_plan([item(zebra=1)]))


def test_a_plan_writes_nothing() -> None:
    transfer.make_plan([item()])
    assert not Agent.objects.exists()


def test_what_became_impossible_since_the_plan_undoes_all_of_it() -> None:
    plan = transfer.make_plan([item("first"), item("second")])
    stored("second")
    with pytest.raises(ValidationError, match="exists already"):
        transfer.apply(plan)
    assert not Agent.objects.filter(name="first").exists()


def test_a_nested_value_does_not_explode_in_a_message() -> None:
    nested: Any = "lol"
    for _ in range(60):
        nested = [nested, nested]
    for key in ("command", "capabilities", "labels", "env", "role", "kind", "cwd"):
        begun = time.monotonic()
        assert problem(item(**{key: nested}))[1] == key
        assert time.monotonic() - begun < 1


def test_a_long_message_is_cut() -> None:
    message = problem(item(labels={"x" * 10**6: "y"}))[2]
    assert len(message) < 500


def test_five_hundred_agents_are_made_in_seconds() -> None:
    # Of this process's own time: how busy the machine is, is not judged.
    begun = time.process_time()
    plan = transfer.carry_out([item(f"agent-{number}") for number in range(500)])
    assert len(plan.entries) == Agent.objects.count() == 500
    assert time.process_time() - begun < 15


def test_every_field_of_a_set_up_is_in_the_design() -> None:
    assert ["name", *SETUP_FIELDS] == DESIGN_ORDER


def test_differences_say_what_was_and_what_will_be() -> None:
    stored("worker", labels={"team": "a"})
    (entry,) = transfer.make_plan([item(labels={"team": "b"})]).entries
    assert entry.step is Step.CHANGE
    assert entry.differences == (Difference("labels", {"team": "a"}, {"team": "b"}),)

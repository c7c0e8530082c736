"""An agent's set-up: what is refused with which words, and what a save writes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from agents.models import Agent
from agents.models.setup_fields import COMMAND_FIELDS, NUMBER_FIELDS, SETUP_FIELDS
from agents.policy.restart import Mode

pytestmark = pytest.mark.django_db

# Who writes each column, from the model's own docstring. A new column has to choose.
SET_UP = {
    "name",
    *SETUP_FIELDS,
    "revision",
    "launch_revision",
    "created_at",
    "registered_by",
}
WANTED = {
    "desired_state", "generation", "wanted_action", "wanted_by", "wanted_boot",
    "wanted_boot_seconds",
}  # fmt: skip
OBSERVED = {
    "status", "status_since", "status_reason", "status_source", "conditions",
    "observed_generation", "run", "pid", "run_revision", "restart_count",
    "restarts_total", "recent_exits", "started_at", "stopped_at", "retry_at",
    "retry_boot", "retry_boot_seconds", "cpu_percent", "rss_bytes", "processes",
    "samples", "open_files", "last_output_at", "last_progress_at",
    "last_heartbeat_at", "heartbeat_run", "probe_states", "activity", "activity_note",
}  # fmt: skip
NOTHING_IS_FINE = (
    "max_restarts", "memory_limit", "role", "cwd", "provider", "model",
    "system_prompt", "workspace",
)  # fmt: skip


def agent(**values: Any) -> Agent:
    return Agent(**{"name": "worker", "command": ["sleep", "60"], **values})


def refusals(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        agent(**values).full_clean()
    return caught.value.message_dict


def test_a_set_up_with_defaults_is_accepted() -> None:
    agent().full_clean()


def test_the_defaults_are_those_of_the_contract() -> None:
    fresh = Agent()
    assert {name: getattr(fresh, name) for name in SETUP_FIELDS} == {
        "kind": "process_wrapper",
        "adapter": "command",
        "role": "",
        "labels": {},
        "capabilities": [],
        "node": "local",
        "command": [],
        "env": {},
        "cwd": "",
        "stdin": "none",
        "auto_restart": "on_failure",
        "max_restarts": 5,
        "restart_window": 600,
        "backoff_initial": 1,
        "backoff_max": 60,
        "healthy_after": 600,
        "stop_signal": "TERM",
        "stop_grace": 10,
        "heartbeat_interval": 30,
        "memory_limit": None,
        "depends_on": [],
        "probes": [],
        "provider": "",
        "model": "",
        "system_prompt": "",
        "workspace": "",
        "allow_commands": False,
        "max_concurrent_tasks": 1,
        "budget": {},
    }
    assert (fresh.desired_state, fresh.status) == ("stopped", "stopped")
    assert (fresh.generation, fresh.observed_generation, fresh.revision) == (0, 0, 1)


# Names


@pytest.mark.parametrize("name", ["../x", "n" * 300, "a b", "-x", "x\n", "x/y", "é"])
def test_a_name_that_is_no_slug_is_refused(name: str) -> None:
    found = refusals(name=name)
    assert found.keys() == {"name"}
    assert found["name"][-1].startswith("A name has 1 to 63 letters")


def test_no_name_is_asked_for() -> None:
    assert refusals(name="")["name"][-1] == "Give the agent a name."


@pytest.mark.parametrize("name", ["batch", "register", "Register"])
def test_a_reserved_name_is_refused(name: str) -> None:
    assert refusals(name=name) == {
        "name": [f"{name!r} is reserved for the hub itself. Choose another name."]
    }


@pytest.mark.parametrize("name", ["worker", "Worker", "WORKER"])
def test_a_name_is_taken_in_any_case_of_letters(name: str) -> None:
    agent(name="worker").save()
    assert refusals(name=name) == {"name": ["An agent of this name exists already."]}


def test_the_database_refuses_a_name_in_another_case_too() -> None:
    agent(name="worker").save()
    with pytest.raises(IntegrityError, match="agent_name_unique_in_any_case"):
        agent(name="WORKER").save()


@pytest.mark.parametrize("name", ["other", "Worker"])
def test_a_name_never_changes(name: str) -> None:
    stored = agent()
    stored.save()
    stored.name = name
    with pytest.raises(ValidationError) as caught:
        stored.full_clean()
    assert caught.value.message_dict["name"] == [
        "A name never changes. Make a new agent instead."
    ]


def test_a_kind_never_changes() -> None:
    one = agent()
    one.save()
    one.kind, one.command, one.provider = "native_llm", [], "demo"
    with pytest.raises(ValidationError) as caught:
        one.full_clean()
    assert caught.value.message_dict["kind"] == [
        "A kind never changes. Make a new agent instead."
    ]


# Refusals


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("kind", "robot", "There is no kind 'robot'. Use process_wrapper or"),
        ("adapter", "acp", "There is no adapter 'acp'. Use command or native."),
        ("adapter", "native", "native is for agents of the kind native_llm."),
        ("provider", "demo", "provider is for agents of the kind native_llm."),
        ("workspace", "/srv", "workspace is for agents of the kind native_llm."),
        ("allow_commands", True, "allow_commands is for agents of the kind"),
        ("node", "moon", "There is no node 'moon'. Use 'local'"),
        ("role", "a\nb", "A role is one line of text"),
        ("role", "r" * 201, "at most 200 characters"),
        ("labels", ["a"], "Labels are a mapping"),
        ("labels", {"team": 5}, "team: a label's value is a printable text"),
        ("capabilities", {"a": 1}, "Capabilities are a list"),
        ("command", [], "The command is empty. Name the program to run."),
        ("command", "sleep 60", "A command is a list of strings"),
        ("command", ["a\0"], "An argument cannot contain a NUL character."),
        ("command", ["a\ud800"], "An argument cannot contain half a letter"),
        ("command", ["a" * 200_000], "An argument has 200,000 bytes"),
        ("env", ["A=1"], "The environment is a mapping"),
        ("env", {"A": 1}, "A: the value must be a text"),
        ("env", {"AGENTHUB_RUN": "x"}, "names beginning with AGENTHUB_"),
        ("cwd", "relative", "'relative' is relative."),
        ("cwd", "/no/such/place", "'/no/such/place' is not a directory"),
        ("stdin", "keyboard", "not a valid choice"),
        ("auto_restart", "sometimes", "not a valid choice"),
        ("stop_signal", "NOPE", "'NOPE' is not a signal of this system."),
        ("stop_signal", "STOP", "STOP freezes a program"),
        ("max_restarts", -1, "Give 0 or more"),
        ("restart_window", 0, "more than 0 seconds"),
        ("healthy_after", math.nan, "more than 0 seconds"),
        ("backoff_max", math.inf, "0 seconds or more, at most one day"),
        ("backoff_initial", 61, "The first back-off (61 s) is longer"),
        ("stop_grace", -0.5, "0 seconds or more"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_change(
    field: str, value: object, words: str
) -> None:
    found = refusals(**{field: value})
    # Two limits that contradict each other are also the database's to refuse.
    found.pop("__all__", None)
    assert found.keys() == {field}
    assert any(words in message for message in found[field]), found


@pytest.mark.parametrize("name", [*NUMBER_FIELDS])
@pytest.mark.parametrize("value", ["soon", [], {}, "1 s"])
def test_what_is_no_number_is_refused_and_not_stumbled_over(
    name: str, value: object
) -> None:
    assert refusals(**{name: value}).keys() == {name}


@pytest.mark.parametrize(
    "name",
    [n for n in ["name", *SETUP_FIELDS] if n not in NOTHING_IS_FINE],
)
def test_nothing_at_all_is_refused_where_it_means_nothing(name: str) -> None:
    assert refusals(**{name: None}).keys() == {name}


def test_nothing_at_all_is_no_limit_no_role_and_no_directory() -> None:
    one = agent(max_restarts=None, memory_limit=None, role=None, cwd=None)
    one.full_clean()
    assert (one.max_restarts, one.memory_limit, one.role, one.cwd) == (
        None,
        None,
        "",
        "",
    )


def test_every_problem_is_named_at_once() -> None:
    found = refusals(name="../x", command=[], backoff_max=-1, stop_signal="NOPE")
    assert found.keys() >= {"name", "command", "backoff_max", "stop_signal"}


def test_a_problem_in_one_number_does_not_hide_another() -> None:
    assert refusals(restart_window="soon", stop_grace=-1).keys() == {
        "restart_window",
        "stop_grace",
    }


def test_an_existing_directory_is_accepted(tmp_path: Path) -> None:
    agent(cwd=str(tmp_path)).full_clean()


@pytest.mark.parametrize("spelling", ["TERM", "SIGTERM", "sigterm", " term "])
def test_a_signal_is_stored_in_one_spelling(spelling: str) -> None:
    """Else another spelling of the same signal would look like a change of set-up."""
    one = agent(stop_signal=spelling)
    one.full_clean()
    assert one.stop_signal == "TERM"


# Who writes which columns


def test_every_column_has_one_writer() -> None:
    # The hub's own are marked when they are made.
    columns = {field.name for field in Agent._meta.concrete_fields} - {"id", "internal"}
    assert columns == SET_UP | WANTED | OBSERVED
    assert not (SET_UP & WANTED or SET_UP & OBSERVED or WANTED & OBSERVED)
    assert set(COMMAND_FIELDS) <= set(SETUP_FIELDS)


def test_a_save_writes_the_set_up_and_nothing_that_others_write() -> None:
    """A form that was open for an hour must not turn back what was seen meanwhile."""
    mine = agent()
    mine.save()
    Agent.objects.update(
        status="running",
        pid=42,
        generation=3,
        observed_generation=2,
        desired_state="running",
        wanted_action="restart",
        wanted_by="bob",
        restarts_total=9,
        samples=[[1.0, 2.0]],
    )
    mine.role = "changed"
    mine.revision = 2
    mine.save()
    stored = Agent.objects.get()
    assert (stored.role, stored.revision) == ("changed", 2)
    assert (stored.status, stored.pid, stored.restarts_total) == ("running", 42, 9)
    assert (stored.generation, stored.observed_generation) == (3, 2)
    assert (stored.desired_state, stored.wanted_action) == ("running", "restart")
    assert (stored.wanted_by, stored.samples) == ("bob", [[1.0, 2.0]])


def test_a_save_of_named_columns_writes_those() -> None:
    mine = agent()
    mine.save()
    mine.role, mine.cwd = "changed", "/tmp"
    mine.save(update_fields=["role"])
    stored = Agent.objects.get()
    assert (stored.role, stored.cwd) == ("changed", "")


def test_a_new_agent_is_saved_whole() -> None:
    agent(role="new", status="running").save()
    stored = Agent.objects.get()
    assert (stored.role, stored.status, stored.status_reason) == (
        "new",
        "running",
        "never started",
    )


# What the database itself refuses


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"status": "dancing"}, "agent_status_known"),
        ({"desired_state": "dancing"}, "agent_desired_state_known"),
        ({"observed_generation": 1}, "agent_settles_only_what_was_asked"),
        ({"backoff_initial": 61}, "agent_backoff_grows"),
        ({"pid": -1}, "pid"),
    ],
)
def test_the_database_refuses_what_makes_no_sense(
    values: dict[str, Any], constraint: str
) -> None:
    agent().save()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Agent.objects.update(**values)


def test_what_was_asked_may_be_settled() -> None:
    agent().save()
    Agent.objects.update(generation=F("generation") + 2)
    assert Agent.objects.update(observed_generation=F("generation")) == 1


# As the engine takes it


def test_the_engine_gets_the_whole_set_up_as_plain_values() -> None:
    one = agent(env={"A": "b"}, stdin="fifo", max_restarts=None, auto_restart="always")
    one.save()
    given = Agent.objects.get().as_setup()
    assert (given.id, given.name, given.revision) == (one.pk, "worker", 1)
    assert (given.command, given.env) == (("sleep", "60"), {"A": "b"})
    assert (given.stdin, given.stop_signal, given.stop_grace) == ("fifo", "TERM", 10)
    assert (given.restart.mode, given.restart.max_restarts) == (Mode.ALWAYS, None)


def test_an_agent_is_called_by_its_name() -> None:
    one = agent()
    one.save()
    assert str(one) == "worker"
    assert "worker" in one.get_absolute_url()

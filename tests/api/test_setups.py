"""Set-ups through the API: made and read, judged as files are, by whoever may."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, LogEntry

from agents.models import Agent, Provider, Request
from agents.services import transfer
from tests.api.conftest import Program, program
from tests.api.test_callers import with_token
from tests.harness.people import make_person
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

SECRET = "sk-very-secret-value"
NEW = {"name": "web", "command": ["sleep", "60"]}


@pytest.fixture
def clerk(db: None) -> Program:
    """May configure agents, and not say what they run."""
    person = make_person("carol", "view_agent", "configure_agent")
    return program(person, "configure")


def fields(answer: Any) -> dict[str, str]:
    return {one["field"]: one["detail"] for one in answer.json()["errors"]}


def lines() -> list[tuple[int, str, str]]:
    """What the audit says of agents: the flag, the name, the words."""
    found = LogEntry.objects.filter(content_type__model="agent").order_by("pk")
    return list(found.values_list("action_flag", "object_repr", "change_message"))


def running(agent: Agent) -> Agent:
    run = run_of(agent)
    Agent.objects.filter(pk=agent.pk).update(status="running", run=run)
    return agent


# Making


def test_an_agent_is_made_by_its_keys_and_is_not_started(configurer: Program) -> None:
    answer = configurer.post(
        "agents",
        {
            **NEW,
            "role": "writer",
            "labels": {"team": "search"},
            "env": {"LANG": "C", "API_KEY": SECRET},
            "max_restarts": None,
            "stop_signal": "SIGINT",
            "stop_grace": 3,
            "cwd": None,
        },
    )
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == "/api/v1/agents/web"
    shape = answer.json()
    assert shape == configurer.get("agents/web").json()
    assert (shape["status"], shape["desired_state"]) == ("stopped", "stopped")
    made = Agent.objects.get()
    assert (made.role, made.max_restarts, made.stop_signal, made.stop_grace) == (
        "writer",
        None,
        "INT",
        3,
    )
    assert made.env["API_KEY"] == SECRET
    assert lines() == [(ADDITION, "web", "Made by the token 'configure'.")]
    assert not Request.objects.exists()


def test_what_is_left_out_has_the_default_of_files_and_of_the_admin(
    configurer: Program,
) -> None:
    configurer.post("agents", NEW)
    by_api = transfer.export(Agent.objects.all())
    transfer.carry_out([{**NEW, "name": "other"}])
    (by_file,) = transfer.export(Agent.objects.filter(name="other"))
    assert by_api == [{**by_file, "name": "web"}]


def test_a_native_agent_is_made_too(configurer: Program) -> None:
    Provider.objects.get_or_create(name="demo", defaults={"kind": "demo"})
    body = {"name": "thinker", "kind": "native_llm", "provider": "demo"}
    answer = configurer.post("agents", body)
    assert answer.status_code == 201, answer.content
    assert answer.json()["adapter"] == "native"


def test_a_repeated_request_makes_one_agent(configurer: Program) -> None:
    first = configurer.post("agents", NEW, Idempotency_Key="k")
    again = configurer.post("agents", NEW, Idempotency_Key="k")
    assert (first.status_code, first.content) == (201, again.content)
    assert again["Idempotency-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert len(lines()) == 1
    assert configurer.post("agents", NEW).status_code == 422


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({"name": "batch"}, "name", "reserved"),
        ({"name": "Register"}, "name", "reserved"),
        ({"name": "a b"}, "name", "letters, digits"),
        ({"name": None}, "name", "Give the agent a name"),
        ({"name": "TAKEN"}, "name", "exists already"),
        ({"command": []}, "command", "empty"),
        ({"command": "sleep 60"}, "command", "list of strings"),
        ({"comand": ["sleep"]}, "comand", "Did you mean 'command'"),
        ({"status": "running"}, "status", "no such key"),
        ({"kind": "robot"}, "kind", "not one of process_wrapper"),
        ({"node": "moon"}, "node", "no node"),
        ({"provider": "nobody"}, "provider", "native_llm"),
        ({"system_prompt": "\ud800"}, "system_prompt", "surrogate"),
        ({"workspace": "/\0"}, "workspace", "NUL"),
        ({"depends_on": [{"agent": "nobody"}]}, "depends_on", "no agent"),
        ({"probes": [{"type": "tpc", "port": 1}]}, "probes", "Did you mean 'tcp'?"),
        ({"env": {"API_KEY": None}}, "env", "Give the value of API_KEY"),
        ({"env": {"LANG": None}}, "env", "only secrets"),
        ({"env": {"AGENTHUB_RUN": "x"}}, "env", "the hub's own"),
        ({"workspace_mode": "worktree"}, "workspace_mode", "not supported"),
        ({"budget": {"day": -5}}, "budget", "day"),
        ({"max_restarts": 1.5}, "max_restarts", "whole number"),
        ({"role": "x" * 201}, "role", "200"),
    ],
)
def test_what_cannot_work_is_refused_with_its_key(
    keys: dict[str, Any],
    field: str,
    words: str,
    make_agent: MakeAgent,
    configurer: Program,
) -> None:
    make_agent("taken")
    answer = configurer.post("agents", {**NEW, **keys})
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    told = fields(answer)
    assert list(told) == [field]
    assert words in told[field]
    assert Agent.objects.count() == 1
    assert lines() == []


def test_all_that_is_wrong_is_told_at_once(configurer: Program) -> None:
    body = {
        "name": "a b",
        "comand": [],
        "kind": "native_llm",
        "provider": "nobody",
        "stop_grace": "10s",
    }
    assert set(fields(configurer.post("agents", body))) == {
        "name",
        "comand",
        "provider",
        "stop_grace",
    }


@pytest.mark.parametrize("body", [[], "5", "null", '"web"', None])
def test_a_body_that_is_no_mapping_is_refused(body: Any, configurer: Program) -> None:
    assert configurer.post("agents", body).status_code == 422


def test_only_who_may_configure_and_define_commands_makes_agents(
    make_agent: MakeAgent,
    operator: Program,
    viewer: Program,
    clerk: Program,
    stranger: Program,
) -> None:
    run = with_token(running(make_agent("own")).run or run_of(make_agent("x")))
    for one, status in (
        (viewer, 403),
        (operator, 403),
        (clerk, 403),
        (run, 403),
        (stranger, 401),
    ):
        assert one.post("agents", NEW).status_code == status
    assert "define commands" in clerk.post("agents", NEW).json()["detail"]
    assert not Agent.objects.filter(name="web").exists()


# Reading


def test_a_set_up_is_read_as_it_is_exported_and_secrets_never(
    make_agent: MakeAgent, viewer: Program, configurer: Program
) -> None:
    make_agent("web", env={"API_KEY": SECRET, "LANG": "C"}, labels={"a": "b"})
    for one in (viewer, configurer):
        answer = one.get("agents/web/setup")
        assert answer.status_code == 200, answer.content
        assert answer.json() == transfer.export(Agent.objects.all())[0]
        assert answer.json()["env"] == {"API_KEY": None, "LANG": "C"}
        assert SECRET.encode() not in answer.content
        known = one.get("agents/web/setup", If_None_Match=answer["ETag"])
        assert known.status_code == 304


def test_a_run_reads_its_own_set_up_and_no_other(
    make_agent: MakeAgent, stranger: Program
) -> None:
    make_agent("other")
    web = make_agent("web")
    run = with_token(run_of(web))
    assert run.get("agents/web/setup").status_code == 200
    assert run.get("agents/other/setup").status_code == 403
    assert stranger.get("agents/web/setup").status_code == 401


def test_a_part_of_the_hub_has_no_set_up_for_programs(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("cluster", internal=True)
    for method, path in (
        ("GET", "agents/cluster/setup"),
        ("PATCH", "agents/cluster"),
        ("DELETE", "agents/cluster"),
    ):
        assert configurer.call(method, path, {}).status_code == 409, method
    assert configurer.get("agents/nobody/setup").status_code == 404
    assert configurer.call("PATCH", "agents/nobody", {}).status_code == 404
    assert configurer.call("DELETE", "agents/nobody").status_code == 404


def test_an_agent_that_was_started_elsewhere_has_no_set_up_and_can_be_deleted(
    operator: Program, configurer: Program
) -> None:
    assert operator.post("agents/register", {"name": "far"}).status_code == 201
    for method, path in (("GET", "agents/far/setup"), ("PATCH", "agents/far")):
        answer = configurer.call(method, path, {"role": "x"})
        assert answer.status_code == 409, answer.content
        assert "started elsewhere" in answer.json()["detail"]
    assert configurer.call("DELETE", "agents/far").status_code == 409
    assert operator.post("agents/far/deregister", {}).status_code == 200
    assert configurer.call("DELETE", "agents/far").status_code == 204

"""Native agents in files: their own keys, their provider, and that a kind stays."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, Provider
from agents.services import setup_files, transfer
from agents.services.transfer import Step
from tests.services.plans import item, problem, stored

SETUP: dict[str, Any] = {
    "kind": "native_llm",
    "provider": "own",
    "model": "model-1",
    "role": "reviewer",
    "system_prompt": "Be brief.\nBe kind.\n",
    "workspace": "/srv/project",
    "allow_commands": True,
    "max_concurrent_tasks": 3,
    "env": {"API_KEY": "s3cret"},
}


@pytest.fixture(autouse=True)
def one_provider(db: None) -> None:
    Provider.objects.all().delete()
    Provider.objects.create(name="own", kind="demo")


def native(name: str = "thinker", **keys: Any) -> dict[str, Any]:
    return {"name": name} | SETUP | keys


def test_a_native_agent_is_made_as_the_file_says() -> None:
    transfer.carry_out([native()])
    agent = Agent.objects.get()
    found = {key: getattr(agent, key) for key in SETUP}
    assert found == SETUP
    assert (agent.adapter, agent.command) == ("native", [])


def test_an_export_of_one_imported_again_changes_nothing() -> None:
    transfer.carry_out([native()])
    before = Agent.objects.values().get()
    text = setup_files.as_yaml(transfer.export(Agent.objects.all()))
    assert "s3cret" not in text
    plan = transfer.carry_out(setup_files.parse(text.encode()))
    assert [entry.step for entry in plan.entries] == [Step.UNCHANGED]
    assert Agent.objects.values().get() == before


def test_an_export_makes_the_same_agent_in_a_hub_that_has_none() -> None:
    transfer.carry_out([native(env={})])
    (exported,) = transfer.export(Agent.objects.all())
    Agent.objects.all().delete()
    transfer.carry_out([exported])
    assert transfer.export(Agent.objects.all()) == [exported]


def test_a_provider_that_there_is_not_is_refused_with_those_there_are() -> None:
    who, key, message = problem(native(provider="onw"))
    assert (who, key) == ("thinker", "provider")
    assert message == ("There is no provider 'onw'. There is: own. Did you mean 'own'?")


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({"provider": ""}, "provider", "Name the provider to ask."),
        ({"provider": 5}, "provider", "Give a text"),
        ({"command": ["sleep", "1"]}, "command", "runs no command of its own"),
        ({"workspace": "project"}, "workspace", "absolute path"),
        ({"allow_commands": "yes"}, "allow_commands", "true or false"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks", "Give 1 to"),
        ({"max_concurrent_tasks": "2"}, "max_concurrent_tasks", "whole number"),
        ({"system_prompt": "x" * 200_001}, "system_prompt", "characters at most"),
        ({"system_prompt": "a\0b"}, "system_prompt", "NUL"),
        ({"model": "m" * 201}, "model", "200"),
    ],
)
def test_what_a_native_agent_cannot_have_is_refused_with_its_key(
    keys: dict[str, Any], key: str, words: str
) -> None:
    who, found, message = problem(native(**keys))
    assert (who, found) == ("thinker", key)
    assert words in message


@pytest.mark.parametrize(
    "key", ["provider", "model", "system_prompt", "workspace", "allow_commands"]
)
def test_a_program_has_none_of_a_native_agents_keys(key: str) -> None:
    who, found, message = problem(item(**{key: SETUP[key]}))
    assert (who, found) == ("worker", key)
    assert "is for agents of the kind native_llm" in message


def test_a_kind_never_changes_and_may_be_left_out() -> None:
    stored("worker")
    assert problem(native("worker"))[1:] == (
        "kind",
        "A kind never changes. Make a new agent instead.",
    )
    transfer.carry_out([native()])
    shorter = native(role="tester")
    del shorter["kind"]
    transfer.carry_out([shorter])
    agent = Agent.objects.get(name="thinker")
    assert (agent.kind, agent.role) == ("native_llm", "tester")

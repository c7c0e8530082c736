"""Native agents are stored with a provider that there is, and keep their kind."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from agents.models import Agent, Provider
from agents.services import setups


@pytest.fixture(autouse=True)
def one_provider(db: None) -> None:
    Provider.objects.all().delete()
    Provider.objects.create(name="own", kind="demo")


def native(provider: str = "own") -> Agent:
    return Agent(name="thinker", kind="native_llm", provider=provider)


def test_an_unknown_provider_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError) as caught:
        setups.save(native("onw"))
    assert caught.value.message_dict == {
        "provider": ["There is no provider 'onw'. There is: own. Did you mean 'own'?"]
    }
    assert not Agent.objects.exists()


def test_a_change_to_an_unknown_provider_is_refused_and_changes_nothing() -> None:
    agent = native()
    setups.save(agent)
    agent.provider, agent.role = "gone", "tester"
    with pytest.raises(ValidationError, match="There is no provider 'gone'"):
        setups.save(agent)
    stored = Agent.objects.get()
    assert (stored.provider, stored.role, stored.revision) == ("own", "", 1)


def test_whoever_lost_its_provider_can_still_be_changed_otherwise() -> None:
    agent = native()
    setups.save(agent)
    Provider.objects.all().delete()
    agent.role = "tester"
    assert setups.save(agent) == ["role"]


def test_a_native_agent_has_its_adapter_and_no_program_gets_it() -> None:
    setups.save(native())
    assert Agent.objects.get().adapter == "native"
    program = Agent(name="worker", adapter="native", command=["sleep", "60"])
    with pytest.raises(ValidationError, match="native is for agents of the kind"):
        setups.save(program)


def test_a_kind_is_not_changed_by_whoever_saves_it() -> None:
    setups.save(native())
    agent = Agent.objects.get()
    agent.kind, agent.adapter = "process_wrapper", "command"
    agent.provider, agent.command = "", ["sleep", "60"]
    with pytest.raises(ValidationError, match="A kind never changes"):
        setups.save(agent)
    assert Agent.objects.get().kind == "native_llm"

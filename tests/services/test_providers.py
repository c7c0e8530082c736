"""Providers' rows: where keys and addresses come from, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from agents.models import Agent, Change, Provider
from agents.services import providers
from agents.services.providers import StillUsed, Unusable

KEY = "sk-of-the-row-0123456789"
OTHER = "sk-of-the-environment-0123"


@pytest.fixture(autouse=True)
def nothing_is_set_up(db: None, settings: Settings) -> None:
    Provider.objects.all().delete()
    settings.AGENTHUB_PROVIDER_KEYS = {}
    settings.AGENTHUB_PROVIDER_URLS = {}


def make(name: str = "claude", kind: str = "anthropic", **values: Any) -> Provider:
    key = values.pop("key", None)
    provider = Provider(name=name, kind=kind, **values)
    providers.save(provider, key)
    return provider


def asked_by(provider: Provider, name: str = "writer") -> Agent:
    return Agent.objects.create(name=name, kind="native_llm", provider=provider.name)


# Keys


def test_a_key_is_sealed_and_given_to_the_engine_alone() -> None:
    provider = make(key=f" {KEY}\n")
    assert KEY not in str(Provider.objects.values().get())
    access = providers.access("claude")
    assert (access.key, access.variable) == (KEY, "")
    assert KEY not in repr(access)
    assert providers.key_is_from(provider) == "row"


def test_without_a_key_of_its_own_the_environments_is_taken(settings: Settings) -> None:
    settings.AGENTHUB_PROVIDER_KEYS = {"anthropic": f"{OTHER}\n"}
    provider = make(key=KEY)
    assert providers.access("claude").key == KEY
    providers.save(provider, "")
    access = providers.access("claude")
    assert (access.key, access.variable) == (OTHER, "ANTHROPIC_API_KEY")
    assert providers.key_is_from(provider) == "ANTHROPIC_API_KEY"


def test_no_key_at_all_says_each_way_to_set_one() -> None:
    provider = make()
    assert providers.key_is_from(provider) == ""
    with pytest.raises(Unusable) as caught:
        providers.access("claude")
    assert "provider claude --key-from FILE" in str(caught.value)
    assert "start the hub with ANTHROPIC_API_KEY" in str(caught.value)


def test_saving_leaves_the_key_as_it_is_unless_one_is_given() -> None:
    make(key=KEY)
    stored = Provider.objects.get()
    stored.default_model = "model-1"
    providers.save(stored)
    assert providers.access("claude").key == KEY


def test_a_key_of_another_secret_key_has_to_be_set_again(settings: Settings) -> None:
    make(key=KEY)
    settings.SECRET_KEY = "another"
    with pytest.raises(Unusable, match="Set it again"):
        providers.access("claude")


@pytest.mark.parametrize("key", ["sk a", "sk\na", "schlüssel"])
def test_what_is_no_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        make(key=key)
    assert "key" in caught.value.message_dict and key not in str(caught.value)
    assert not Provider.objects.exists()


def test_a_variable_that_holds_no_key_is_named(settings: Settings) -> None:
    settings.AGENTHUB_PROVIDER_KEYS = {"anthropic": "two words"}
    make()
    with pytest.raises(Unusable, match="cannot use ANTHROPIC_API_KEY") as caught:
        providers.access("claude")
    assert "two words" not in str(caught.value)


# Addresses


def test_an_address_is_the_rows_else_the_environments_else_the_vendors(
    settings: Settings,
) -> None:
    provider = make(key=KEY)
    assert providers.access("claude").base_url == "https://api.anthropic.com"
    settings.AGENTHUB_PROVIDER_URLS = {"anthropic": "http://127.0.0.1:9/"}
    assert providers.access("claude").base_url == "http://127.0.0.1:9"
    provider.base_url = " http://127.0.0.1:8 "
    providers.save(provider)
    assert providers.access("claude").base_url == "http://127.0.0.1:8"


@pytest.mark.parametrize("url", ["http://u:p@host", "host:port:x", "ftp://host"])
def test_an_address_of_the_environment_that_cannot_work_names_its_variable(
    url: str, settings: Settings
) -> None:
    settings.AGENTHUB_PROVIDER_URLS = {"ollama": url}
    make("local", "ollama")
    with pytest.raises(Unusable, match="local cannot use OLLAMA_HOST"):
        providers.access("local")


# Rows


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    make("claude"), make("demo", "demo")
    with pytest.raises(Unusable, match=r"There is: claude, demo\."):
        providers.access("x")
    with pytest.raises(Unusable, match=r"demo\. Did you mean 'claude'"):
        providers.access("cluade")


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("kind", "openai")])
def test_name_and_kind_never_change(field: str, value: str) -> None:
    provider = make(key=KEY)
    setattr(provider, field, value)
    with pytest.raises(ValidationError, match="never changes"):
        providers.save(provider)
    assert Provider.objects.filter(name="claude", kind="anthropic").exists()


def test_its_agents_hear_of_a_change() -> None:
    provider = make(key=KEY)
    agent = asked_by(provider)
    providers.save(provider, "sk-new")
    assert list(Change.objects.values_list("topic", "agent_id")) == [
        ("setup", agent.pk)
    ]


def test_one_that_agents_ask_stays_and_they_are_named() -> None:
    provider = make()
    for number in range(6):
        asked_by(provider, f"writer-{number}")
    with pytest.raises(StillUsed, match=r"writer-3 and 2 more\. Give"):
        providers.delete(provider)
    Agent.objects.all().delete()
    providers.delete(provider)
    assert not Provider.objects.exists()

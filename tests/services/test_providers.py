"""Providers' rows: where keys and addresses come from, and what is refused."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django.fixtures import Settings

from agents.models import Agent, Change, Provider
from agents.services import keys, providers
from agents.services.providers import Checked, StillUsed, Unusable

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


# Tests of the connection


def test_a_test_is_asked_for_once_and_its_end_is_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make(key=KEY)
    with caplog.at_level(logging.INFO):
        assert providers.ask_check("claude", "alice")
        assert not providers.ask_check("claude", "bob")
    assert "alice has asked for a test of the provider claude" in caplog.text
    (asked,) = providers.asked_checks()
    assert providers.save_check("claude", Checked(True, "fine", ("m",)), asked.at)
    row = Provider.objects.get()
    assert (row.check_ok, row.check_detail, row.known_models) == (True, "fine", ["m"])
    assert row.checked_at is not None and not providers.asked_checks()


def test_a_test_of_nothing_is_refused() -> None:
    with pytest.raises(Unusable, match="There is none yet"):
        providers.ask_check("claude", "alice")


def test_a_failed_test_leaves_the_models_that_were_known() -> None:
    make(key=KEY)
    providers.save_check("claude", Checked(True, "fine", ("m",)), None)
    providers.save_check("claude", Checked(False, "refused"), None)
    row = Provider.objects.get()
    assert (row.check_ok, row.known_models) == (False, ["m"])


def test_models_that_no_set_up_could_name_are_left_out() -> None:
    make(key=KEY)
    named = ("m-1", "", "a\ud800", "a\nb", "x" * 201, "m-2")
    providers.save_check("claude", Checked(True, "fine", named), None)
    assert Provider.objects.get().known_models == ["m-1", "m-2"]


def test_another_key_or_address_makes_what_was_found_worthless() -> None:
    provider = make(key=KEY)
    providers.save_check("claude", Checked(True, "fine", ("m",)), None)
    provider.refresh_from_db()
    provider.default_model = "m"
    providers.save(provider)
    assert Provider.objects.get().check_ok
    providers.save(provider, "sk-other")
    row = Provider.objects.get()
    assert (row.check_ok, row.checked_at, row.known_models) == (None, None, [])


def test_what_a_test_found_of_an_older_key_is_not_written_down() -> None:
    provider = make(key=KEY)
    providers.ask_check("claude", "alice")
    (asked,) = providers.asked_checks()
    providers.save(provider, "sk-other")
    assert not providers.save_check("claude", Checked(True, "fine"), asked.at)
    later = timezone.now() + timedelta(seconds=1)
    Provider.objects.update(check_asked_at=later)
    assert not providers.save_check("claude", Checked(True, "fine"), asked.at)
    assert Provider.objects.get().check_asked_at == later


def test_a_sealed_key_opens_as_it_was_given() -> None:
    make(key=KEY)
    assert keys.opened(Provider.objects.get().sealed_key) == KEY

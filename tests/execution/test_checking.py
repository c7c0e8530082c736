"""Tests of providers that somebody asked for: done by a supervisor, told in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from agents.execution.checking import check_asked_providers, checked_now
from agents.models import Provider
from agents.services import provider_checks, providers
from agents.services.provider_checks import Checked
from tests.harness.llm.answers import Answer, Refusal
from tests.harness.llm.aside import standing_in
from tests.harness.llm.chat import ChatWire
from tests.harness.llm.ollama import OllamaWire
from tests.harness.llm.openai import OpenAIWire
from tests.harness.supervisor import Supervisor
from tests.harness.waiting import until

KEY = "sk-to-be-tested-0123456789"


@pytest.fixture(autouse=True)
def nothing_is_set_up(transactional_db: None, settings: Settings) -> None:
    Provider.objects.all().delete()
    settings.AGENTHUB_PROVIDER_KEYS = {}
    settings.AGENTHUB_PROVIDER_URLS = {}


def make(name: str, kind: str, url: str = "", key: str = "", model: str = "") -> None:
    row = Provider(name=name, kind=kind, base_url=url, default_model=model)
    providers.save(row, key)


async def directly(function: Callable[..., Any], *arguments: Any) -> Any:
    return await sync_to_async(function)(*arguments)


def checked(name: str) -> Checked:
    return asyncio.run(checked_now(name, directly))


def test_one_that_answers_is_said_to_with_its_models() -> None:
    with standing_in(OpenAIWire()) as standin:
        make("gpt", "openai", standin.url, KEY)
        found = checked("gpt")
    assert found.ok and found.models == ("model-1", "model-2")
    assert found.detail == f"{standin.url} answers, and names 2 models."


def test_a_default_model_that_it_does_not_name_is_remarked_on() -> None:
    with standing_in(OllamaWire()) as standin:
        standin.models = ("qwen3:latest",)
        make("known", "ollama", standin.url, model="qwen3")
        make("other", "ollama", standin.url, model="llama4")
        assert "default" not in checked("known").detail
        assert "'llama4' is not one of them" in checked("other").detail


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal(401, text=f"not {KEY}"), "The key was refused: not ••••••"),
        (Refusal(403), "Give the key the right to list models"),
        (Refusal(402, body={"error": {"message": "Insufficient"}}), "Top up"),
        (Refusal(404), "path included?"),
        (Refusal(503), "try again later"),
    ],
)
def test_what_is_wrong_is_said_in_words_with_what_to_do(
    refusal: Refusal, said: str
) -> None:
    with standing_in(OpenAIWire(), refusal) as standin:
        make("gpt", "openai", standin.url, KEY)
        found = checked("gpt")
    assert not found.ok and said in found.detail
    assert KEY not in found.detail


def test_a_refused_key_of_the_environment_is_named_by_its_variable(
    settings: Settings,
) -> None:
    settings.AGENTHUB_PROVIDER_KEYS = {"openai": KEY}
    with standing_in(OpenAIWire(), Refusal(401)) as standin:
        make("gpt", "openai", standin.url)
        assert "the key is the one in OPENAI_API_KEY" in checked("gpt").detail


def test_a_server_that_wants_a_key_and_was_given_none_is_understood() -> None:
    with standing_in(ChatWire(), Refusal(401)) as standin:
        make("own", "compatible", standin.url)
        assert checked("own").detail.startswith("It wants a key, and none is set")


def test_a_compatible_server_without_a_list_is_well_and_names_none() -> None:
    with standing_in(ChatWire(), Refusal(404)) as standin:
        make("own", "compatible", standin.url)
        found = checked("own")
    assert found == Checked(True, f"{standin.url} answers, and lists no models.")


def test_no_key_and_no_provider_are_told_without_a_connection() -> None:
    make("gpt", "openai")
    assert "start the hub with OPENAI_API_KEY" in checked("gpt").detail
    assert "There is no provider 'gtp'" in checked("gtp").detail


def test_all_that_are_asked_for_are_done_and_others_are_left_alone() -> None:
    for name, kind in (("demo", "demo"), ("gpt", "openai"), ("quiet", "demo")):
        make(name, kind)
    provider_checks.ask("demo", "alice")
    provider_checks.ask("gpt", "alice")
    assert asyncio.run(check_asked_providers(directly)) == 2
    ok = dict(Provider.objects.values_list("name", "check_ok"))
    assert ok == {"demo": True, "gpt": False, "quiet": None}
    assert asyncio.run(check_asked_providers(directly)) == 0


def test_a_supervisor_tests_what_somebody_asks_for(supervisor: Supervisor) -> None:
    with standing_in(OpenAIWire(), Refusal(500), Answer()) as standin:
        make("gpt", "openai", standin.url, KEY)
        for ok in (False, True):
            provider_checks.ask("gpt", "alice")
            until(lambda: not provider_checks.asked(), what="the test's end")
            assert Provider.objects.get().check_ok is ok

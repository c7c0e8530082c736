"""`agents providers|provider`: keys from files, changes, tests, and what is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from agents.models import Agent, Provider
from agents.services import keys, provider_checks, providers
from tests.harness.llm.answers import Refusal
from tests.harness.llm.aside import standing_in
from tests.harness.llm.openai import OpenAIWire
from tests.management.conftest import Answer, Run

KEY = "sk-from-a-file-0123456789"


@pytest.fixture(autouse=True)
def nothing_is_set_up(transactional_db: None, settings: Settings) -> None:
    Provider.objects.all().delete()
    settings.AGENTHUB_PROVIDER_KEYS = {}
    settings.AGENTHUB_PROVIDER_URLS = {}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return path


@pytest.fixture
def gpt() -> Provider:
    provider = Provider(name="gpt", kind="openai")
    providers.save(provider, KEY)
    return provider


def stored() -> Provider:
    return Provider.objects.get(name="gpt")


def is_silent_about_the_key(answer: Answer) -> bool:
    return KEY not in answer.out + answer.err


# A list


def test_all_are_listed_with_where_their_keys_are_from(
    agents: Run, gpt: Provider, settings: Settings
) -> None:
    settings.AGENTHUB_PROVIDER_KEYS = {"anthropic": KEY}
    providers.save(Provider(name="claude", kind="anthropic"))
    providers.save(Provider(name="deep", kind="deepseek"))
    answer = agents("providers")
    lines = answer.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["claude", "deep", "gpt"]
    assert "from ANTHROPIC_API_KEY" in lines[0]
    assert " none " in lines[1] and " set " in lines[2]
    assert answer.code == 0 and is_silent_about_the_key(answer)


def test_a_program_gets_an_array_without_any_key(agents: Run, gpt: Provider) -> None:
    Agent.objects.create(name="writer", kind="native_llm", provider="gpt")
    answer = agents("providers", "--json")
    assert answer.json == [
        {
            "name": "gpt",
            "kind": "openai",
            "base_url": "",
            "key": "row",
            "default_model": "",
            "max_concurrent": None,
            "agents": ["writer"],
            "check_asked_at": None,
            "checked_at": None,
            "check_ok": None,
            "check_detail": "",
            "known_models": [],
        }
    ]
    assert is_silent_about_the_key(answer)


def test_none_at_all_says_how_to_make_one(agents: Run) -> None:
    answer = agents("providers")
    assert (answer.code, answer.out) == (0, "")
    assert "agents provider NAME --kind" in answer.err


# Changes


def test_one_is_made_with_its_key_from_a_file(agents: Run, file: Path) -> None:
    answer = agents(
        *("provider", "gpt", "--kind", "openai", "--key-from", str(file)),
        *("--base-url", "http://127.0.0.1:9/v1", "--default-model", "model-1"),
    )
    assert answer.code == 0 and is_silent_about_the_key(answer)
    one = stored()
    assert keys.opened(one.sealed_key) == KEY
    assert (one.base_url, one.default_model) == ("http://127.0.0.1:9/v1", "model-1")
    assert "set" in answer.out and "http://127.0.0.1:9/v1" in answer.out


def test_a_key_comes_from_stdin(
    agents: Run, gpt: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"sk-piped\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert agents("provider", "gpt", "--key-from", "-").code == 0
    assert keys.opened(stored().sealed_key) == "sk-piped"


def test_what_is_not_named_stays_as_it_is(agents: Run, gpt: Provider) -> None:
    agents("provider", "gpt", "--default-model", "model-1")
    agents("provider", "gpt", "--base-url", "http://127.0.0.1:9")
    agents("provider", "gpt", "--base-url", "")
    one = stored()
    assert keys.opened(one.sealed_key) == KEY
    assert (one.base_url, one.default_model) == ("", "model-1")


def test_a_key_is_removed_when_that_is_said(agents: Run, gpt: Provider) -> None:
    answer = agents("provider", "gpt", "--remove-key", "--json")
    assert answer.code == 0 and answer.json["key"] is None
    assert stored().sealed_key == ""


def test_to_show_one_changes_nothing(agents: Run, gpt: Provider) -> None:
    before = Provider.objects.values().get()
    answer = agents("provider", "gpt")
    assert answer.code == 0 and answer.out.startswith("gpt\n")
    assert Provider.objects.values().get() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["gtp"], "There is no provider 'gtp'. There is: gpt. Did you mean 'gpt'?"),
        (["gpt", "--kind", "ollama"], "a provider's kind never changes"),
        (["gpt", "--key-from", KEY], "key cannot be read: No such file"),
        (["gpt", "--key-from", "/dev/null"], "is empty. To have no key"),
        (["gpt", "--key-from", "/bin/sh"], "holds no key: it is not text"),
        (["gpt", "--base-url", "host"], "base_url: The base URL must begin"),
        (["own", "--kind", "compatible"], "base_url: Give the server's base URL."),
        (["a b", "--kind", "demo"], "name: A name has 1 to 63"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    agents: Run, gpt: Provider, line: list[str], said: str
) -> None:
    before = Provider.objects.values().get()
    answer = agents("provider", *line)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err and is_silent_about_the_key(answer)
    assert Provider.objects.values().get() == before


def test_a_file_that_holds_no_key_is_refused_without_showing_it(
    agents: Run, gpt: Provider, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY} and more")
    answer = agents("provider", "gpt", "--key-from", str(path))
    assert answer.code == 1 and "key: The key has characters" in answer.err
    assert is_silent_about_the_key(answer)


@pytest.mark.parametrize(
    "line",
    [
        ["provider"],
        ["provider", "gpt", "--kind", "oracle"],
        ["provider", "gpt", "--key", KEY],
        ["provider", "gpt", "--key-from", "-", "--remove-key"],
    ],
)
def test_a_line_that_means_nothing_is_misuse(
    line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.management.commands.agents import Command

    command = Command()
    monkeypatch.setattr(command, "_called_from_command_line", True, raising=False)
    with pytest.raises(SystemExit) as left:
        command.create_parser("manage.py", "agents").parse_args(line)
    assert left.value.code == 2


# Tests


def test_a_test_is_done_in_the_command_and_written_down(
    agents: Run, file: Path
) -> None:
    with standing_in(OpenAIWire()) as standin:
        made = ["provider", "gpt", "--kind", "openai", "--key-from", str(file)]
        answer = agents(*made, "--base-url", standin.url, "--test")
        assert KEY in str(standin.requests[0].headers)
    assert answer.code == 0 and is_silent_about_the_key(answer)
    assert "well, 0 s ago" in answer.out and "names 2 models" in answer.out
    assert stored().known_models == ["model-1", "model-2"]


def test_a_failed_test_is_exit_code_1_with_the_reason(
    agents: Run, gpt: Provider
) -> None:
    with standing_in(OpenAIWire(), Refusal(401, text=f"bad {KEY}")) as standin:
        line: list[Any] = ["provider", "gpt", "--base-url", standin.url, "--test"]
        answer = agents(*line, "--json")
    assert answer.code == 1 and is_silent_about_the_key(answer)
    assert answer.json["check_ok"] is False
    assert answer.json["check_detail"].startswith("The key was refused: bad ••••••")


def test_a_test_that_waited_for_a_hub_is_done_with(agents: Run) -> None:
    providers.save(Provider(name="demo", kind="demo"))
    provider_checks.ask("demo", "alice")
    assert "waits for a hub" in agents("providers").out
    assert agents("provider", "demo", "--test").code == 0
    assert not provider_checks.asked()

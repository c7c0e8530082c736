"""Addresses and keys of providers: what can stand as one, what is said of others."""

from __future__ import annotations

import pytest

from agents.policy.endpoint import LONGEST_KEY, key_problem, ollama_url, url_problem


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "https://models.example.com", "http://[::1]:11434"],
)
def test_an_address_can_stand(url: str) -> None:
    assert url_problem("compatible", url) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://a b", "must not have spaces"),
        ("http://a\nb", "must not have spaces"),
        ("http://bücher.example", "letters outside ASCII"),
        ("http://host:99999", "check host and port"),
        ("http://u:p@host", "must not hold a password"),
    ],
)
def test_an_address_that_cannot_stand_says_what_to_change(url: str, said: str) -> None:
    assert said in str(url_problem("compatible", url))


def test_only_a_compatible_server_has_to_say_where_it_is() -> None:
    assert url_problem("compatible", "") == "Give the server's base URL."
    for kind in ("anthropic", "openai", "deepseek", "ollama", "demo"):
        assert url_problem(kind, "") is None
    assert "no address" in str(url_problem("demo", "http://127.0.0.1"))


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-ä", "x" * (LONGEST_KEY + 1)])
def test_what_is_no_key_is_refused_without_saying_it(key: str) -> None:
    problem = key_problem("openai", key)
    assert problem and key not in problem


def test_a_key_can_stand_but_at_the_demo() -> None:
    assert key_problem("openai", "sk-1") is None
    assert "needs no key" in str(key_problem("demo", "sk-1"))


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("gpu.lan:8080", "http://gpu.lan:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::1]", "http://[::1]:11434"),
        ("[::]:7000", "http://[::1]:7000"),
        ("https://ollama.example.com", "https://ollama.example.com"),
        ("http://ollama.example.com", "http://ollama.example.com"),
    ],
)
def test_what_ollama_itself_reads_as_its_host_is_an_address(
    host: str, url: str
) -> None:
    assert ollama_url(host) == url
    assert url_problem("ollama", url) is None

"""The sign-in page and the admin's form: who fails too often waits, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from agents.models import Failures
from tests.harness.people import PASSWORD

PAGES = ("/sign-in/", "/admin/login/")
HOME = "203.0.113.7"
ELSEWHERE = "203.0.113.8"


def attempt(
    page: str, name: str, password: str, *, at: str = HOME, client: Client | None = None
) -> Any:
    return (client or Client()).post(
        page, {"username": name, "password": password}, REMOTE_ADDR=at
    )


def fail(page: str, name: str, times: int = 5, *, at: str = HOME) -> None:
    for _ in range(times):
        assert attempt(page, name, "a guess", at=at).status_code == 200


def is_locked(response: Any) -> bool:
    told = "Too many failed sign-ins. Try again in 3 minutes."
    waits = 120 < int(response.headers.get("Retry-After", 0)) <= 180
    return response.status_code == 429 and told in response.text and waits


@pytest.mark.parametrize("page", PAGES)
def test_after_five_guesses_even_the_right_password_is_refused(
    alice: User, page: str
) -> None:
    fail(page, "alice")
    locked = attempt(page, "alice", PASSWORD)
    assert is_locked(locked)
    assert "_auth_user_id" not in locked.client.session
    # The other form knows of it too.
    other = next(one for one in PAGES if one != page)
    assert is_locked(attempt(other, "alice", PASSWORD))


@pytest.mark.parametrize("page", PAGES)
def test_when_the_time_is_over_they_can_sign_in(alice: User, page: str) -> None:
    fail(page, "alice")
    Failures.objects.update(at=F("at") - timedelta(seconds=181))
    assert attempt(page, "alice", PASSWORD).status_code == 302
    # And whatever was guessed before counts no more.
    fail(page, "alice")


@pytest.mark.parametrize("page", PAGES)
def test_guesses_lock_out_neither_others_nor_those_from_elsewhere(
    alice: User, bob: User, page: str
) -> None:
    fail(page, "alice")
    assert attempt(page, "bob", PASSWORD).status_code == 302
    assert attempt(page, "alice", PASSWORD, at=ELSEWHERE).status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_a_browser_that_knows_somebody_is_not_locked_by_strangers_behind_its_proxy(
    alice: User, bob: User, page: str
) -> None:
    known = Client()
    assert attempt(page, "alice", PASSWORD, at="127.0.0.1", client=known).status_code
    known.post("/sign-out/")
    fail(page, "alice", at="127.0.0.1")
    assert is_locked(attempt(page, "alice", PASSWORD, at="127.0.0.1"))
    back = attempt(page, "alice", PASSWORD, at="127.0.0.1", client=known)
    assert back.status_code == 302
    # It knows her and nobody else, and can be used up as well.
    known.post("/sign-out/")
    fail(page, "bob", at="127.0.0.1")
    assert is_locked(attempt(page, "bob", PASSWORD, at="127.0.0.1", client=known))
    for _ in range(10):
        attempt(page, "alice", "a guess", at="127.0.0.1", client=known)
    assert attempt(page, "alice", PASSWORD, client=known).status_code == 429


def test_a_cookie_that_was_made_up_or_is_another_persons_knows_nobody(
    alice: User, bob: User
) -> None:
    client = Client()
    attempt("/sign-in/", "bob", PASSWORD, client=client)
    [name] = [one for one in client.cookies if one.startswith("known_")]
    assert "bob" not in name
    cookie = client.cookies[name]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    fail("/sign-in/", "alice")
    other = Client()
    attempt("/sign-in/", "alice", PASSWORD, at=ELSEWHERE, client=other)
    [hers] = [one for one in other.cookies if one.startswith("known_")]
    for forged in (cookie.value, "x", cookie.value + "x"):
        stranger = Client()
        stranger.cookies[hers] = forged
        assert is_locked(attempt("/sign-in/", "alice", PASSWORD, client=stranger))


def test_one_guess_at_everybody_ends_too_but_not_for_everyone_behind_a_proxy(
    alice: User,
) -> None:
    for number in range(50):
        attempt("/sign-in/", f"person-{number}", "spring")
    assert attempt("/sign-in/", "alice", PASSWORD).status_code == 429
    for number in range(50):
        attempt("/sign-in/", f"person-{number}", "spring", at="127.0.0.1")
    assert attempt("/sign-in/", "alice", PASSWORD, at="127.0.0.1").status_code == 302


def test_a_name_that_does_not_exist_is_locked_like_any_other(db: None) -> None:
    fail("/sign-in/", "nobody")
    assert is_locked(attempt("/sign-in/", "nobody", "a guess"))


def test_no_table_has_what_was_typed_as_a_name(db: None) -> None:
    fail("/sign-in/", "my-secret-password", 1)
    assert not Failures.objects.filter(who__contains="secret").exists()
    assert Failures.objects.count() == 2

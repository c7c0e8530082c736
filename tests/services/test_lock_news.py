"""Who waits for a claim is woken by what changes it, on the tests' own database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from agents.services import lock_news

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def woken() -> list[int]:
    """Which claims were told of, in turn."""
    return []


def note(woken: list[int], claim_id: int) -> Callable[[], None]:
    return lambda: woken.append(claim_id)


def test_it_is_told_once_that_is_committed(woken: list[int]) -> None:
    with lock_news.heard(1, note(woken, 1)), lock_news.heard(2, note(woken, 2)):
        with transaction.atomic():
            lock_news.tell([1, 3])
            assert woken == []
        assert woken == [1]


def test_what_is_undone_is_not_told(woken: list[int]) -> None:
    with lock_news.heard(1, note(woken, 1)):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            lock_news.tell([1])
            raise ZeroDivisionError
        assert woken == []


def test_two_that_wait_for_one_are_both_told_and_nobody_who_has_gone(
    woken: list[int],
) -> None:
    with lock_news.heard(1, note(woken, 10)):
        with lock_news.heard(1, note(woken, 11)):
            lock_news.tell([1])
        lock_news.tell([1])
    lock_news.tell([1])
    assert woken == [10, 11, 10]

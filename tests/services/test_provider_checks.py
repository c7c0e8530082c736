"""Tests of providers: asked for once, written down once, and void after a change."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Provider
from agents.services import provider_checks, providers
from agents.services.provider_checks import Checked
from agents.services.providers import Unusable

KEY = "sk-of-the-row-0123456789"


@pytest.fixture(autouse=True)
def nothing_is_set_up(db: None) -> None:
    Provider.objects.all().delete()


def make(key: str) -> Provider:
    provider = Provider(name="claude", kind="anthropic")
    providers.save(provider, key)
    return provider


def test_a_test_is_asked_for_once_and_its_end_is_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    make(KEY)
    with caplog.at_level(logging.INFO):
        assert provider_checks.ask("claude", "alice")
        assert not provider_checks.ask("claude", "bob")
    assert "alice has asked for a test of the provider claude" in caplog.text
    (asked,) = provider_checks.asked()
    assert provider_checks.save("claude", Checked(True, "fine", ("m",)), asked.at)
    row = Provider.objects.get()
    assert (row.check_ok, row.check_detail, row.known_models) == (True, "fine", ["m"])
    assert row.checked_at is not None and not provider_checks.asked()


def test_a_test_of_nothing_is_refused() -> None:
    with pytest.raises(Unusable, match="There is none yet"):
        provider_checks.ask("claude", "alice")


def test_a_failed_test_leaves_the_models_that_were_known() -> None:
    make(KEY)
    provider_checks.save("claude", Checked(True, "fine", ("m",)), None)
    provider_checks.save("claude", Checked(False, "refused"), None)
    row = Provider.objects.get()
    assert (row.check_ok, row.known_models) == (False, ["m"])


def test_models_that_no_set_up_could_name_are_left_out() -> None:
    make(KEY)
    named = ("m-1", "", "a\ud800", "a\nb", "x" * 201, "m-2")
    provider_checks.save("claude", Checked(True, "fine", named), None)
    assert Provider.objects.get().known_models == ["m-1", "m-2"]


def test_another_key_or_address_makes_what_was_found_worthless() -> None:
    provider = make(KEY)
    provider_checks.save("claude", Checked(True, "fine", ("m",)), None)
    provider.refresh_from_db()
    provider.default_model = "m"
    providers.save(provider)
    assert Provider.objects.get().check_ok
    providers.save(provider, "sk-other")
    row = Provider.objects.get()
    assert (row.check_ok, row.checked_at, row.known_models) == (None, None, [])


def test_what_a_test_found_of_an_older_key_is_not_written_down() -> None:
    provider = make(KEY)
    provider_checks.ask("claude", "alice")
    (asked,) = provider_checks.asked()
    providers.save(provider, "sk-other")
    assert not provider_checks.save("claude", Checked(True, "fine"), asked.at)
    later = timezone.now() + timedelta(seconds=1)
    Provider.objects.update(check_asked_at=later)
    assert not provider_checks.save("claude", Checked(True, "fine"), asked.at)
    assert Provider.objects.get().check_asked_at == later

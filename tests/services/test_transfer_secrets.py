"""Secrets are never exported, and stay where a file does not tell them."""

from __future__ import annotations

import pytest

from agents.models import Agent
from agents.policy.redact import MASK
from agents.services import transfer
from agents.services.transfer import Step
from tests.services.plans import differences, item, problem, stored

pytestmark = pytest.mark.django_db


# Secrets


@pytest.mark.parametrize("env", [None, {}, {"API_KEY": None}, {"API_KEY": MASK}])
def test_a_secret_that_the_file_does_not_tell_stays(
    env: dict[str, str | None] | None,
) -> None:
    stored("worker", env={"API_KEY": "s3cret"})
    plan = transfer.carry_out([item(env=env)])
    assert Agent.objects.get().env == {"API_KEY": "s3cret"}
    assert plan.entries[0].step is Step.UNCHANGED
    assert plan.entries[0].warnings == ()


def test_a_secret_that_the_file_tells_is_written_and_never_shown() -> None:
    stored("worker", env={"API_KEY": "0ld", "TOKEN": "g0ne"})
    plan = transfer.carry_out([item(env={"API_KEY": "n3w", "TOKEN": ""})])
    assert Agent.objects.get().env == {"API_KEY": "n3w", "TOKEN": ""}
    assert differences(plan) == {"env.API_KEY": (MASK, MASK), "env.TOKEN": (MASK, "")}
    assert not any(secret in repr(plan) for secret in ("0ld", "g0ne", "n3w"))


def test_a_new_agent_without_its_secret_is_made_with_a_warning_that_names_it() -> None:
    plan = transfer.carry_out([item(env={"API_KEY": None, "LANG": "C"})])
    assert Agent.objects.get().env == {"LANG": "C"}
    (entry,) = plan.entries
    assert "API_KEY is a secret that is not in the file" in entry.warnings[0]


def test_only_secrets_may_be_null() -> None:
    who, key, message = problem(item(env={"LANG": None}))
    assert (who, key) == ("worker", "env")
    assert message.startswith("LANG: give a text")

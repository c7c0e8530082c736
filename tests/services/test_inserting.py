"""A name that another takes between the last look and the insert.

SQLite has one writer at a time, so the rival is stored here where on PostgreSQL it
would be committed: after the row was validated.
"""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Model

from agents.models import Agent, Provider, Schedule
from agents.services.inserting import insert

pytestmark = pytest.mark.django_db


def agent(name: str) -> Agent:
    return Agent(name=name, command=["sleep", "9"])


def schedule(name: str) -> Schedule:
    return Schedule(name=name, cron="30 6 * * *", names=["web"])


def provider(name: str) -> Provider:
    return Provider(name=name, kind="demo")


@pytest.mark.parametrize(
    ("one", "rival"),
    [
        (agent("web"), agent("web")),
        (agent("web"), agent("WEB")),
        (schedule("nightly"), schedule("nightly")),
        (provider("mine"), provider("mine")),
    ],
    ids=["agent", "agent in another case", "schedule", "provider"],
)
def test_who_is_second_is_refused_as_if_he_had_come_later(
    one: Model, rival: Model
) -> None:
    one.full_clean()
    rival.save(force_insert=True)
    with pytest.raises(ValidationError) as refused:
        insert(one)
    assert set(refused.value.message_dict) == {"name"}
    # What the transaction has done so far can still be committed.
    assert type(one)._base_manager.filter(name__iexact=str(rival)).count() == 1

"""Many rows in few statements: what is written, and to whom."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, Change
from agents.services.bulk import Among, insert_many, update_many
from tests.services.fleet import make_agent, make_fleet

pytestmark = pytest.mark.django_db


def test_rows_that_become_alike_share_a_statement() -> None:
    fleet = make_fleet(30)
    rows = [((f"r{n % 2}", 7), agent.pk, "stopped") for n, agent in enumerate(fleet)]
    with CaptureQueriesContext(connection) as queries:
        written = update_many(Agent, ("status_reason", "pid"), rows, guard="status")
    assert (written, len(queries)) == (30, 2)
    found = Agent.objects.order_by("pk").values_list("status_reason", "pid")
    assert list(found) == [("r0", 7), ("r1", 7)] * 15


def test_of_rows_alike_too_only_those_with_the_expected_guard_are_written() -> None:
    fleet = make_fleet(30)
    Agent.objects.filter(pk=fleet[3].pk).update(status="crashed")
    rows = [(("new",), agent.pk, "stopped") for agent in fleet]
    assert update_many(Agent, ("status_reason",), rows, guard="status") == 29
    assert Agent.objects.exclude(status_reason="new").get() == fleet[3]


def test_rows_alike_with_different_guards_are_told_apart() -> None:
    fleet = make_fleet(30)
    Agent.objects.filter(pk__in=[a.pk for a in fleet[10:]]).update(status="crashed")
    rows = [
        (("new",), agent.pk, "stopped" if n < 10 else "crashed")
        for n, agent in enumerate(fleet)
    ]
    assert update_many(Agent, ("status_reason",), rows, guard="status") == 30


def test_a_row_written_to_twice_keeps_the_last() -> None:
    fleet, agent = make_fleet(30), make_agent()
    rows = [(("same",), one.pk, None) for one in fleet]
    rows += [(("first",), agent.pk, None), (("same",), agent.pk, None)]
    update_many(Agent, ("status_reason",), rows)
    agent.refresh_from_db()
    assert agent.status_reason == "same"


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_every_row_is_inserted_in_its_order(count: int) -> None:
    insert_many(Change, ("topic", "agent_id"), [("x", n) for n in range(count)])
    assert list(Change.objects.values_list("agent_id", flat=True)) == [*range(count)]


def test_among_finds_these_and_no_others() -> None:
    fleet = make_fleet(5)
    ids = {fleet[1].pk, fleet[3].pk, 10**9}
    assert list(Agent.objects.filter(Among("pk", ids)).order_by("pk")) == [
        fleet[1],
        fleet[3],
    ]
    assert not Agent.objects.filter(Among("pk", ())).exists()

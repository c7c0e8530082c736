"""Phases of work: whole batches that arrive, and that wait."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, Batch, BatchItem, Task
from agents.models.choices import BatchActionChoice
from agents.services import (
    barriers,
    batch_steps,
    batches,
    phase_steps,
)
from agents.services.batches import CannotBatch, Wanted
from agents.services.phases import Phase
from agents.services.tasks import Ask
from tests.services.phase_work import (
    BOB,
    PARTIES,
    end,
    everybody,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data")]


@pytest.fixture
def agents() -> dict[str, Agent]:
    return everybody()


def batch(agents: list[Agent], **phase: Any) -> Batch:
    how = Ask("Build it.", phase=Phase(**phase))
    return batches.make(Wanted(BatchActionChoice.ASK, agents, ask=how, at_once=2), BOB)


def items(made: Batch) -> dict[str, str]:
    rows = BatchItem.objects.filter(batch=made)
    return dict(rows.values_list("agent_name", "state"))


def go_on() -> None:
    phase_steps.step()
    batch_steps.step()


def test_a_batch_begins_when_all_of_the_batch_before_have_arrived(
    agents: dict[str, Agent],
) -> None:
    before = batch([agents[name] for name in PARTIES], barrier="built")
    after = batch([agents["tester"]], after="built")
    go_on()
    assert items(after) == {"tester": "waiting"}
    for _ in PARTIES:
        task = Task.objects.filter(state="queued").order_by("pk").first()
        assert task is not None
        end(task)
        go_on()
    go_on()
    before.refresh_from_db()
    assert before.state == "done"
    assert items(after) == {"tester": "begun"}
    found = barriers.standing("built")
    assert (found.state, found.arrived) == ("tripped", PARTIES)


def test_an_agent_of_a_batch_that_is_not_asked_breaks_the_phase(
    agents: dict[str, Agent],
) -> None:
    before = batch([agents[name] for name in PARTIES], barrier="built")
    after = batch([agents["tester"]], after="built")
    go_on()
    batches.cancel(before.pk, BOB)
    go_on()
    after.refresh_from_db()
    assert (after.state, after.cancel_asked_by) == ("cancelled", "barrier built")
    assert "web was not asked: not begun: cancelled by bob" in after.cancel_reason
    assert items(after) == {"tester": "cancelled"}


def test_a_batch_of_more_than_meet_is_refused(agents: dict[str, Agent]) -> None:
    with pytest.raises(CannotBatch, match="2 meet at built") as refused:
        batch([agents[name] for name in PARTIES], barrier="built", parties=2)
    assert refused.value.field == "barrier"
    assert not Batch.objects.exists()


def test_a_batch_sent_twice_is_one_whatever_became_of_its_barrier(
    agents: dict[str, Agent],
) -> None:
    def send() -> Batch:
        how = Ask("Build it.", phase=Phase("built", 1))
        wanted = Wanted(BatchActionChoice.ASK, [agents["web"]], ask=how, key="k")
        return batches.make(wanted, BOB)

    first = send()
    go_on()
    end(Task.objects.get(), "failed")
    go_on()
    assert send() == first

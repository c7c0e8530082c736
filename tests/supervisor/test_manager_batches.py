"""Batches carried out by a real hub's runner, over real processes and a hub's end."""

from __future__ import annotations

from agents.models import Agent, Batch, BatchItem, Request, Run
from agents.models.choices import BatchActionChoice
from agents.policy.states import Status
from agents.services import batches
from agents.services.batches import Wanted
from agents.services.lifecycle import Asker
from agents.services.tasks import Ask
from tests.harness.native import native
from tests.harness.supervisor import Actor, Cast, Supervisor
from tests.harness.waiting import until

BOB = Asker("bob", "page", "an upgrade")


def made(
    actors: list[Actor], action: BatchActionChoice, ask: Ask | None = None, **how: int
) -> Batch:
    rows = [actor.row for actor in actors]
    return batches.make(Wanted(action, rows, ask=ask, **how), BOB)  # type: ignore[arg-type]


def over(batch: Batch, timeout: float = 20.0) -> Batch:
    def look() -> bool:
        batch.refresh_from_db()
        return batch.state != "running"

    until(look, timeout=timeout, what="the end of the batch")
    return batch


def states(batch: Batch) -> dict[str, str]:
    rows = BatchItem.objects.filter(batch=batch)
    return dict(rows.values_list("agent_name", "state"))


def test_many_are_started_a_few_at_once_and_one_that_fails_is_told(
    supervisor: Supervisor, cast: Cast
) -> None:
    good = [cast("wait", name=f"good-{n}") for n in range(6)]
    bad = cast.command(["/no/such/program"], name="bad")
    batch = made([*good, bad], BatchActionChoice.START, at_once=2)
    assert over(batch).state == "done"
    found = states(batch)
    assert found.pop("bad") == "failed"
    assert set(found.values()) == {"done"}
    assert BatchItem.objects.get(agent=bad.row).status == Status.CRASHED
    _assert_never_more_than(2, batch)
    stop = made(good, BatchActionChoice.STOP, at_once=3)
    assert over(stop).state == "done"
    assert set(states(stop).values()) == {"done"}
    assert {actor.look().status for actor in good} == {Status.STOPPED}
    _assert_never_more_than(3, stop)


def test_a_hub_that_ends_in_the_middle_is_followed_by_one_that_goes_on(
    supervisor: Supervisor, cast: Cast
) -> None:
    actors = [cast("wait", name=f"agent-{n}") for n in range(8)]
    batch = made(actors, BatchActionChoice.START, at_once=1)
    until(lambda: "done" in states(batch).values(), what="the first outcome")
    supervisor.close()
    batch.refresh_from_db()
    assert batch.state == "running"
    supervisor.start()
    assert over(batch).state == "done"
    assert set(states(batch).values()) == {"done"}
    # Exactly once: one request of each, one run of each.
    assert Request.objects.count() == Run.objects.count() == len(actors)


def test_agents_are_asked_for_work_and_each_answers(
    supervisor: Supervisor, cast: Cast
) -> None:
    thinkers = [native(cast, f"thinker-{n}").start_native() for n in range(3)]
    batch = made(list(thinkers), BatchActionChoice.ASK, Ask("/say Done."), at_once=2)
    assert over(batch).state == "done"
    assert set(states(batch).values()) == {"done"}


def test_a_cancel_leaves_what_is_not_begun_alone(
    supervisor: Supervisor, cast: Cast
) -> None:
    thinkers = [native(cast, f"thinker-{n}").start_native() for n in range(3)]
    ask = Ask("/pause 1\n/say Done.")
    batch = made(list(thinkers), BatchActionChoice.ASK, ask, at_once=1)
    until(lambda: "begun" in states(batch).values(), what="the first one")
    batches.cancel(batch.pk, BOB)
    assert over(batch).state == "cancelled"
    assert sorted(states(batch).values()) == ["cancelled", "cancelled", "done"]
    assert Agent.objects.filter(tasks__isnull=False).count() == 1


def _assert_never_more_than(limit: int, batch: Batch) -> None:
    """By their own times: at each beginning, those that had begun and not ended."""
    items = list(BatchItem.objects.filter(batch=batch))
    for one in items:
        under_way = [
            other
            for other in items
            if other.begun_at
            and other.ended_at
            and one.begun_at
            and other.begun_at <= one.begun_at < other.ended_at
        ]
        assert len(under_way) <= limit

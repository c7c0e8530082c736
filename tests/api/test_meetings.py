"""Waiting at barriers on the loop: what it costs, and that nobody is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from agents.api.meetings import Watch
from agents.models import Agent, Barrier, Node
from agents.services import barrier_waits, barriers
from agents.services.barrier_waits import Look, Place

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places each look was for; the look itself is the real one."""
    counted: list[int] = []
    real = barrier_waits.look

    def look(places: Collection[Place]) -> Look:
        counted.append(len(places))
        return real(places)

    monkeypatch.setattr(barrier_waits, "look", look)
    return counted


def elsewhere(job: Callable[[], object]) -> None:
    """Do it over a connection of its own, and wait for that."""

    def run() -> None:
        job()
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run).result()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_while_nothing_is_committed_the_database_is_not_asked(
    looks: list[int],
) -> None:
    barriers.make("meet", 2, by="a test")
    web = Agent.objects.create(name="web", command=["x"])

    async def scene() -> None:
        watch = Watch.of_this_loop()
        waiting = [
            asyncio.create_task(watch.until_over(("meet", 1), 30)) for _ in range(200)
        ]
        await until(lambda: len(looks) == 1)
        # Long enough for the look that is made though no file has changed.
        assert await watch.until_over(("other", 9), 1.2) is not None
        quiet = len(looks)
        assert await watch.until_over(("meet", 1), 1.2) is None
        assert len(looks) == quiet + 1
        await asyncio.to_thread(
            elsewhere,
            lambda: [
                barriers.arrive("meet", pk, None)
                for pk in (web.pk, Agent.objects.create(name="b", command=["x"]).pk)
            ],
        )
        told = await asyncio.gather(*waiting)
        assert {one.state for one in told if one} == {"tripped"}
        assert len(told) == 200

    asyncio.run(scene())


def test_the_last_who_leaves_ends_the_looking() -> None:
    barriers.make("meet", 2, by="a test")

    async def scene() -> None:
        watch = Watch.of_this_loop()
        one = asyncio.create_task(watch.until_over(("meet", 1), 30))
        await until(
            lambda: any(t.get_name() == "barriers" for t in asyncio.all_tasks())
        )
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        await until(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(scene())


def test_who_waits_at_a_barrier_that_is_deleted_is_told() -> None:
    barriers.make("meet", 2, by="a test")

    async def scene() -> None:
        watch = Watch.of_this_loop()
        one = asyncio.create_task(watch.until_over(("meet", 1), 30))
        await asyncio.to_thread(elsewhere, lambda: barriers.delete("meet"))
        told = await one
        assert told is not None
        assert (told.state, told.reason) == ("broken", "the barrier was deleted")

    asyncio.run(scene())
    assert not Barrier.objects.exists()


def test_an_error_of_the_database_ends_no_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    barriers.make("meet", 1, by="a test")
    web = Agent.objects.create(name="web", command=["x"])
    real, broken = barrier_waits.look, [True]

    def look(places: Collection[Place]) -> Look:
        if broken.pop() if broken else False:
            Node.objects.raw("SELECT nonsense FROM nowhere")[0]
        return real(places)

    monkeypatch.setattr(barrier_waits, "look", look)

    async def scene() -> None:
        watch = Watch.of_this_loop()
        one = asyncio.create_task(watch.until_over(("meet", 1), 30))
        await until(lambda: not broken)
        arrive = lambda: barriers.arrive("meet", web.pk, None)  # noqa: E731
        await asyncio.to_thread(elsewhere, arrive)
        told = await one
        assert told is not None and told.state == "tripped"

    asyncio.run(scene())

"""Whatever happens in whatever order: locks are as a plain model has them.

Hypothesis makes up agents that ask, wait, write, die and are killed with the hub, which
dies between two calls or in the middle of one. After each step the database has to say
what the model says, and what must never be is looked for in the database alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from agents.models import LockClaim
from agents.policy import clock
from agents.services import locks, tasks
from tests.harness.engine import BOB
from tests.harness.killed import emptied
from tests.services.lock_machine import SPACES, Hub
from tests.services.lock_model import MEANS
from tests.services.lock_steps import Tasks


class Locks(Tasks):
    """All of it, and what must never be, whatever the model says."""

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        Hub.steps += 1
        seen = self.seen()
        assert seen == self.said(self.model)
        self.nobody_shares_what_one_writes(seen[0])

    def nobody_shares_what_one_writes(self, claims: list[Any]) -> None:
        held = [one for one in claims if one[5] is not None]
        for one, other in itertools.combinations(held, 2):
            same_place, both_read = one[0] == other[0], one[3] and other[3]
            if same_place and one[1] != other[1] and not both_read:
                mine, theirs = (
                    set().union(*(MEANS[pattern] for pattern in claim[4]))
                    for claim in (one, other)
                )
                assert not mine & theirs, (one, other)

    @invariant()
    def no_lock_outlives_its_run_and_none_of_a_living_run_is_fenced_off(self) -> None:
        rows = LockClaim.objects.exclude(state="ended")
        for run, fence, space, ended_at in rows.values_list(
            "run", "fence", "space__path", "run__ended_at"
        ):
            assert run is not None and ended_at is None
            if fence is not None:
                locks.check(fence, space)

    def teardown(self) -> None:
        """Whoever can go on goes on to its end: in the end nobody is left waiting."""
        try:
            self.drain()
        finally:
            emptied()

    def drain(self) -> None:
        for number in list(self.model.tasks):
            if self.model.tasks[number].state == "queued":
                tasks.cancel(number, BOB)
        for _ in range(100):
            rows = LockClaim.objects.exclude(state="ended")
            waiting = set(rows.filter(fence=None).values_list("agent", "task"))
            free = [
                pk
                for pk, *unit in rows.values_list("pk", "agent", "task")
                if tuple(unit) not in waiting
            ]
            if not free:
                break
            locks.release(free, "done")
        assert not rows.exists(), "they wait for each other"


@pytest.mark.parametrize(
    ("examples", "steps"), [(3, 1), pytest.param(180, 10_000, marks=pytest.mark.full)]
)
def test_locks_are_as_the_model_has_them_whoever_dies(
    examples: int,
    steps: int,
    transactional_db: None,
    bob: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "boot_seconds", lambda: Hub.now)
    for name in SPACES:
        (tmp_path / name).mkdir()
    Hub.folder, Hub.bob = tmp_path, bob
    Hub.now, Hub.steps, Hub.happened = 1000.0, 0, Counter()
    run_state_machine_as_test(
        Locks,
        settings=settings(
            max_examples=examples,
            stateful_step_count=100,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{Hub.steps} steps: {Hub.happened}")
    assert Hub.steps >= steps

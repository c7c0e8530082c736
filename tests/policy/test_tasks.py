"""A task's states, and what follows a failed attempt."""

from __future__ import annotations

import pytest

from agents.models.choices import TaskStateChoice
from agents.policy.provider_retry import ErrorKind
from agents.policy.tasks import (
    FINISHED,
    LONGEST_DELAY,
    OPEN,
    TaskState,
    may_change,
    next_attempt_in,
)


def test_the_table_knows_the_same_states() -> None:
    assert [state.value for state in TaskState] == TaskStateChoice.values
    assert set(TaskState) == FINISHED | OPEN


def test_what_is_finished_stays_so_but_an_interrupted_task_may_go_on() -> None:
    after = {
        state: {other for other in TaskState if may_change(state, other)}
        for state in FINISHED
    }
    assert after.pop(TaskState.INTERRUPTED) == {TaskState.QUEUED}
    assert not any(after.values())


def test_nothing_succeeds_that_never_ran() -> None:
    assert not may_change(TaskState.QUEUED, TaskState.SUCCEEDED)
    assert may_change(TaskState.RUNNING, TaskState.SUCCEEDED)


def test_each_attempt_waits_longer_up_to_a_bound() -> None:
    delays = [next_attempt_in(ErrorKind.SERVER, n, 20, None) for n in range(1, 12)]
    assert delays[:3] == [15.0, 30.0, 60.0]
    assert delays[-1] == LONGEST_DELAY


def test_the_provider_says_when_and_is_believed() -> None:
    assert next_attempt_in(ErrorKind.RATE_LIMIT, 1, 3, 3600.0) == 3600.0


def test_whoever_says_to_come_back_in_a_year_is_not_asked_again() -> None:
    assert next_attempt_in(ErrorKind.RATE_LIMIT, 1, 3, 365 * 86_400.0) is None


@pytest.mark.parametrize(
    "kind", [ErrorKind.BAD_REQUEST, ErrorKind.REFUSAL, ErrorKind.QUOTA, ErrorKind.AUTH]
)
def test_what_would_fail_again_is_not_tried_again(kind: ErrorKind) -> None:
    assert next_attempt_in(kind, 1, 3, None) is None


def test_the_attempts_come_to_an_end() -> None:
    assert next_attempt_in(ErrorKind.SERVER, 3, 3, None) is None

"""Who gets a lock: all or none, nobody starves, nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.policy.globs import overlap, parse
from agents.policy.lock_queue import Claim, Mode, Queue, Unit


def claim(
    number: int,
    agent: int,
    *patterns: str,
    held: bool = False,
    task: int | None = None,
    shared: bool = False,
) -> Claim:
    mode = Mode.SHARED if shared else Mode.EXCLUSIVE
    globs = tuple(parse(pattern) for pattern in patterns)
    return Claim(number, agent, task, mode, globs, held)


def blockers(queue: Queue, asked: Claim) -> list[int]:
    return [one.claim.id for one in queue.conflicts(asked)]


def test_what_nobody_has_is_free() -> None:
    queue = Queue([claim(1, 1, "src/a.py", held=True)])
    assert queue.conflicts(claim(2, 2, "src/b.py")) == []


def test_one_taken_path_keeps_all_of_a_claim_waiting() -> None:
    queue = Queue([claim(1, 1, "src/a.py", held=True), claim(2, 2, "src/*", "docs/*")])
    assert queue.granted == []
    assert [one.claim.id for one in queue.waits_for(claim(2, 2))] == [1]


def test_two_may_read_what_nobody_writes() -> None:
    readers = [claim(n, n, "src/**", held=True, shared=True) for n in (1, 2)]
    queue = Queue(readers)
    assert queue.conflicts(claim(3, 3, "src/a", shared=True)) == []
    assert blockers(queue, claim(3, 3, "src/a")) == [1, 2]


def test_a_reader_does_not_overtake_a_writer_who_waits() -> None:
    queue = Queue([claim(1, 1, "src/**", held=True, shared=True), claim(2, 2, "src/a")])
    assert blockers(queue, claim(3, 3, "src/a", shared=True)) == [2]


def test_an_agents_own_locks_never_conflict() -> None:
    queue = Queue([claim(1, 1, "src/**", held=True, task=7)])
    assert queue.conflicts(claim(2, 1, "src/a", task=8)) == []


def test_those_who_waited_are_granted_in_their_order() -> None:
    queue = Queue([claim(3, 3, "a"), claim(2, 2, "a", "b"), claim(4, 4, "c")])
    assert queue.granted == [2, 4]


def test_a_holder_who_needs_more_goes_before_who_waits() -> None:
    # Behind claim 2, it would wait for somebody who waits for it.
    queue = Queue([claim(1, 1, "a", held=True, task=1), claim(2, 2, "a", "b")])
    assert queue.conflicts(claim(3, 1, "b", task=1)) == []
    # Another task of the same agent has nothing, and may well wait.
    assert blockers(queue, claim(3, 1, "b", task=2)) == [2]


def test_a_circle_is_told_with_everybody_in_it() -> None:
    queue = Queue(
        [
            claim(1, 1, "a", held=True),
            claim(2, 2, "b", held=True),
            claim(3, 3, "c", held=True),
            claim(4, 2, "a"),
            claim(5, 3, "b"),
        ]
    )
    assert [one.claim.agent for one in queue.cycle(claim(6, 1, "c"))] == [3, 2, 1]
    assert queue.cycle(claim(6, 4, "c")) == []


PATTERNS = st.sampled_from(["a", "b", "c", "a/*", "a/b", "**", "*", "b/**", "*/b"])
ASKS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(1, 2),
        st.booleans(),
        st.lists(PATTERNS, min_size=1, max_size=3),
    ),
    max_size=14,
)


def conflicting(one: Claim, other: Claim) -> bool:
    """The rule again, without any index."""
    if one.agent == other.agent or one.mode is other.mode is Mode.SHARED:
        return False
    return any(overlap(mine, theirs) for mine in one.globs for theirs in other.globs)


@given(ASKS, st.data())
def test_whoever_comes_and_goes_nobody_shares_and_nobody_is_stuck(
    asks: list[tuple[int, int, bool, list[str]]], data: st.DataObject
) -> None:
    open_claims: dict[int, Claim] = {}

    def settle() -> None:
        for granted in Queue(open_claims.values()).granted:
            one = open_claims[granted]
            open_claims[granted] = Claim(
                one.id, one.agent, one.task, one.mode, one.globs, True
            )
        held = [one for one in open_claims.values() if one.held]
        for one in held:
            assert not any(conflicting(one, other) for other in held)

    for number, (agent, task, shared, patterns) in enumerate(asks):
        asked = claim(number, agent, *patterns, task=task, shared=shared)
        queue = Queue(open_claims.values())
        if not queue.is_waiting(asked.unit) and not queue.cycle(asked):
            open_claims[number] = asked
        settle()
        leave: bool = data.draw(st.booleans())
        if open_claims and leave:
            gone: int = data.draw(st.sampled_from(sorted(open_claims)))
            del open_claims[gone]
            settle()
    # Tasks that have all they asked for end, one after another, until none is left.
    while open_claims:
        waiting: set[Unit] = {one.unit for one in open_claims.values() if not one.held}
        free = {one.unit for one in open_claims.values()} - waiting
        assert free, "everybody waits for somebody"
        for number in [n for n, one in open_claims.items() if one.unit in free]:
            del open_claims[number]
        settle()

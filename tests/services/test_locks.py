"""Locks on files in the database: all or none, in order, and nobody left waiting."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.models import Agent, Change, FileLock, LockClaim
from agents.policy.lock_queue import Mode
from agents.policy.states import Status
from agents.services import changes, lock_calls, locks
from agents.services.lock_calls import Asking, LockWait, Place
from agents.services.locks import (
    HoldsElsewhere,
    NotHeld,
    WaitsAlready,
    Wanted,
    WouldWaitForever,
)
from tests.harness.recorded import end_of, run_of

SPACE = "/srv/space"


@pytest.fixture
def names(db: None) -> dict[str, Agent]:
    return {
        name: Agent.objects.create(name=name, command=["x"])
        for name in ("web", "api", "db")
    }


def wanted(agent: Agent, *patterns: str, **more: object) -> Wanted:
    given = {"mode": Mode.EXCLUSIVE} | more
    return Wanted(SPACE, patterns, agent_id=agent.pk, **given)  # type: ignore[arg-type]


def state(claim: int | None) -> str:
    assert claim is not None
    return LockClaim.objects.get(pk=claim).state


def test_all_paths_are_granted_or_none_is(names: dict[str, Agent]) -> None:
    first = locks.ask(wanted(names["web"], "src/a.py"), wait=False)
    assert first.held
    second = locks.ask(wanted(names["api"], "docs/**", "src/*"), wait=False)
    assert not second.held
    assert second.claim is None
    (conflict,) = second.conflicts
    assert (conflict.pattern, conflict.held, conflict.agent) == (
        "src/*",
        "src/a.py",
        "web",
    )
    # Nothing of it is held: another gets the part that was free.
    assert locks.ask(wanted(names["db"], "docs/x"), wait=False).held


def test_who_waits_gets_it_in_the_moment_it_is_let_go(names: dict[str, Agent]) -> None:
    web = locks.ask(wanted(names["web"], "a"), wait=True)
    api = locks.ask(wanted(names["api"], "a", "b"), wait=True)
    db = locks.ask(wanted(names["db"], "b"), wait=True)
    assert [state(one.claim) for one in (web, api, db)] == [
        "held",
        "waiting",
        "waiting",
    ]
    before = changes.latest()
    locks.release([web.claim or 0], "done")
    assert [state(one.claim) for one in (web, api, db)] == ["ended", "held", "waiting"]
    told = Change.objects.filter(seq__gt=before, topic=changes.LOCK)
    assert set(told.values_list("agent_id", flat=True)) >= {names["api"].pk}
    locks.release([api.claim or 0], "done")
    assert state(db.claim) == "held"


def test_it_is_news_that_somebody_waits_and_that_one_of_several_is_let_go(
    names: dict[str, Agent],
) -> None:
    def told(since: int) -> set[int | None]:
        rows = Change.objects.filter(seq__gt=since, topic=changes.LOCK)
        return set(rows.values_list("agent_id", flat=True))

    web = locks.ask(wanted(names["web"], "a", "b"), wait=True)
    before = changes.latest()
    assert not locks.ask(wanted(names["api"], "a"), wait=True).held
    assert told(before) == {names["api"].pk}
    before = changes.latest()
    assert locks.let_go(FileLock.objects.get(claim=web.claim, pattern="b").pk)
    assert told(before) == {names["web"].pk}


def test_a_fence_rises_with_each_grant_and_is_refused_afterwards(
    names: dict[str, Agent],
) -> None:
    first = locks.ask(wanted(names["web"], "a"), wait=True)
    second = locks.ask(wanted(names["api"], "a"), wait=True)
    assert first.fence is not None
    locks.check(first.fence, SPACE)
    locks.release([first.claim or 0], "done")
    with pytest.raises(NotHeld):
        locks.check(first.fence, SPACE)
    assert second.claim is not None
    fence = LockClaim.objects.get(pk=second.claim).fence
    assert fence is not None
    assert fence > first.fence
    locks.check(fence, SPACE)
    with pytest.raises(NotHeld):
        locks.check(fence, "/another/space")


def test_a_lock_ends_with_the_run_that_holds_it_and_not_before(
    names: dict[str, Agent],
) -> None:
    run = run_of(names["web"])
    held = locks.ask(wanted(names["web"], "a", run_id=run.pk), wait=True)
    api = locks.ask(wanted(names["api"], "a"), wait=True)
    assert state(api.claim) == "waiting"
    end_of(run, Status.STOPPED, 0, "done")
    assert (state(held.claim), state(api.claim)) == ("ended", "held")


def test_two_that_would_wait_for_each_other_are_told(names: dict[str, Agent]) -> None:
    locks.ask(wanted(names["web"], "a"), wait=True)
    locks.ask(wanted(names["api"], "b"), wait=True)
    locks.ask(wanted(names["api"], "a"), wait=True)
    with pytest.raises(WouldWaitForever) as told:
        locks.ask(wanted(names["web"], "b"), wait=True)
    assert "web would wait for api, which has b and waits for web, which has a" in str(
        told.value
    )
    assert LockClaim.objects.count() == 3


def test_who_waits_cannot_ask_for_more(names: dict[str, Agent]) -> None:
    locks.ask(wanted(names["web"], "a"), wait=True)
    locks.ask(wanted(names["api"], "a"), wait=True)
    with pytest.raises(WaitsAlready):
        locks.ask(wanted(names["api"], "b"), wait=True)


def test_nobody_waits_in_one_workspace_and_has_something_in_another(
    names: dict[str, Agent],
) -> None:
    """The other may wait there for what it has here, and no circle would be seen."""
    web, api = names["web"], names["api"]
    elsewhere = Wanted("/srv/other", ("b",), Mode.EXCLUSIVE, api.pk)
    locks.ask(wanted(web, "a"), wait=True)
    locks.ask(elsewhere, wait=True)
    with pytest.raises(HoldsElsewhere, match="has locks in /srv/other") as told:
        locks.ask(wanted(api, "a"), wait=True)
    assert [one.agent for one in told.value.conflicts] == ["web"]
    # What is free it gets, and it may look again whether that is.
    assert locks.ask(wanted(api, "c"), wait=True).held
    assert not locks.ask(wanted(api, "a"), wait=False).held


def test_who_waits_in_one_workspace_cannot_ask_in_another(
    names: dict[str, Agent],
) -> None:
    locks.ask(wanted(names["web"], "a"), wait=True)
    locks.ask(wanted(names["api"], "a"), wait=True)
    elsewhere = Wanted("/srv/other", ("b",), Mode.EXCLUSIVE, names["api"].pk)
    with pytest.raises(WaitsAlready):
        locks.ask(elsewhere, wait=True)


def test_a_pattern_let_go_is_free_while_the_others_are_held(
    names: dict[str, Agent],
) -> None:
    held = locks.ask(wanted(names["web"], "a", "b"), wait=True)
    api = locks.ask(wanted(names["api"], "a"), wait=True)
    first, second = FileLock.objects.filter(claim=held.claim)
    assert locks.let_go(first.pk)
    assert (state(held.claim), state(api.claim)) == ("held", "held")
    assert not locks.let_go(first.pk)
    assert locks.let_go(second.pk)
    assert state(held.claim) == "ended"


def test_a_lease_ends_by_itself_unless_it_is_renewed(
    names: dict[str, Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    from agents.policy import clock

    now = clock.boot_seconds()
    monkeypatch.setattr(clock, "boot_seconds", lambda: now)
    held = locks.ask(wanted(names["web"], "a", lease=60.0), wait=True)
    api = locks.ask(wanted(names["api"], "a"), wait=True)
    now += 50
    locks.renew(held.claim or 0)
    now += 50
    assert locks.end_leases() == 0
    now += 20
    assert locks.end_leases() == 1
    assert state(api.claim) == "held"
    with pytest.raises(NotHeld):
        locks.renew(held.claim or 0)


def test_a_lock_without_a_lease_cannot_be_renewed(names: dict[str, Agent]) -> None:
    held = locks.ask(wanted(names["web"], "a"), wait=True)
    with pytest.raises(NotHeld):
        locks.renew(held.claim or 0)


def test_other_workspaces_know_nothing_of_it(
    names: dict[str, Agent], tmp_path: Path
) -> None:
    locks.ask(wanted(names["web"], "a"), wait=True)
    other = Wanted(str(tmp_path), ("a",), Mode.EXCLUSIVE, names["api"].pk)
    assert locks.ask(other, wait=False).held


def test_a_place_that_nobody_keeps_any_more_is_gone_soon(
    names: dict[str, Agent], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after a hub that was killed while calls waited."""
    from agents.policy import clock

    def place(name: str) -> Place:
        asking = Asking(str(tmp_path), ["a"], Mode.EXCLUSIVE, names[name], "bob", "api")
        return lock_calls.ask(asking, wait=True)

    for agent in names.values():
        run_of(agent)
    now = clock.boot_seconds()
    monkeypatch.setattr(clock, "boot_seconds", lambda: now)
    web, api, db = place("web"), place("api"), place("db")
    assert (web.held, api.held, db.held) == (True, False, False)
    now += 20
    LockWait(db, _kept=-1000.0).look()
    now += 20
    assert locks.end_leases() == 1
    # Who was answered has it for as long as it runs.
    assert [state(one.claim) for one in (web, api, db)] == ["held", "ended", "waiting"]
    locks.release([web.claim or 0], "done")
    # It is granted, and nobody hears of it.
    assert state(db.claim) == "held"
    now += 60
    assert locks.end_leases() == 1
    assert state(db.claim) == "ended"

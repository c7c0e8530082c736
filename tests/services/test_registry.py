"""Agents from outside: registered, heard of, silent, gone; and what they hold."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, LockClaim, Run, StatusChange
from agents.policy.lock_queue import Mode
from agents.services import barriers, heartbeats, locks, registry, tokens
from agents.services.heartbeats import Reply, RunOver
from agents.services.registry import NameTaken, NotOutside, Registered
from tests.harness.outside import registered, silent_for
from tests.services.fleet import make_agent

pytestmark = pytest.mark.django_db


def beat(one: Registered) -> Reply:
    return heartbeats.take(one.agent.pk, one.run.pk, timezone.now())


def lock(one: Registered, pattern: str) -> int:
    wanted = locks.Wanted(
        "/w", (pattern,), Mode.EXCLUSIVE, one.agent.pk, one.run.pk, lease=locks.LEASE
    )
    claim = locks.ask(wanted, wait=False).claim
    assert claim is not None
    return claim


def status(name: str = "far") -> tuple[str, str, str]:
    row = Agent.objects.get(name=name)
    return row.status, row.status_reason, row.status_source


def history() -> list[str]:
    lines = StatusChange.objects.order_by("id")
    return [f"{line.from_status} {line.to_status}: {line.reason}" for line in lines]


def test_who_registers_runs_and_has_a_run_with_a_lease_and_no_process(
    bob: User,
) -> None:
    one = registered("far", bob, role="review", capabilities=["python"])
    row = Agent.objects.get()
    assert (row.kind, row.adapter, row.node) == ("external", "external", "external")
    assert (row.role, row.capabilities, row.labels) == ("review", ["python"], {})
    assert (row.desired_state, row.pid, row.run_id) == ("running", None, one.run.pk)
    assert status() == ("running", "registered itself", "registry")
    assert (one.run.number, one.run.pid, one.run.leased) == (1, None, True)
    assert history() == [
        "stopped starting: registered itself",
        "starting running: registered itself",
    ]
    assert [line.actor for line in StatusChange.objects.all()] == ["bob", "bob"]
    (line,) = LogEntry.objects.all()
    assert line.change_message == "Registered by the API."


def test_its_token_lets_its_run_in_and_is_kept_as_a_hash(bob: User) -> None:
    one = registered("far", bob)
    caller = tokens.find(one.token)
    assert caller is not None
    assert (caller.agent, caller.run_id) == ("far", str(one.run.pk))
    assert one.token not in repr(one)
    assert one.token not in [str(v) for v in Run.objects.values().get().values()]


def test_two_that_register_by_one_name_in_the_same_moment_are_one_agent(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time, so a look is made to miss the other here."""
    first = registered("far", bob)
    look = QuerySet.first
    missed: list[Agent | None] = []

    def miss(rows: QuerySet[Agent]) -> Agent | None:
        if rows.model is Agent and not missed:
            missed.append(look(rows))
            return None
        return look(rows)

    monkeypatch.setattr(QuerySet, "first", miss)
    second = registered("far", bob)
    assert missed == [first.agent]
    assert (second.agent, second.run.number) == (first.agent, 2)


def test_registered_again_it_is_the_same_agent_with_a_new_run(bob: User) -> None:
    first = registered("far", bob, role="review", labels={"team": "a"})
    claim = lock(first, "a")
    again = registered("far", bob, labels={"team": "b"})
    assert (again.agent.pk, again.run.number) == (first.agent.pk, 2)
    assert (again.agent.role, again.agent.labels) == ("review", {"team": "b"})
    assert tokens.find(first.token) is None
    assert tokens.find(again.token) is not None
    with pytest.raises(RunOver):
        beat(first)
    beat(again)
    assert Run.objects.get(pk=first.run.pk).ended_at is not None
    assert LockClaim.objects.get(pk=claim).state == "ended"
    assert history()[2:] == [
        "running stopped: registered anew",
        "stopped starting: registered itself",
        "starting running: registered itself",
    ]


def test_a_name_that_is_somebody_elses_is_refused(
    alice: User, bob: User, vera: User
) -> None:
    make_agent("web")
    registered("far", bob)
    for name, by, words in (
        ("web", bob, "the hub starts"),
        ("Far", bob, "write it so"),
        ("far", vera, "somebody else"),
    ):
        with pytest.raises(NameTaken, match=words):
            registered(name, by)
    # Who sets up agents may take it over, and then it is theirs.
    registered("far", alice)
    with pytest.raises(NameTaken):
        registered("far", bob)


@pytest.mark.parametrize(
    ("name", "about", "field"),
    [
        ("register", {}, "name"),
        ("no name", {}, "name"),
        ("far", {"labels": {"a": "b" * 300}}, "labels"),
        ("far", {"capabilities": ["x", ""]}, "capabilities"),
        ("far", {"role": "a\nb"}, "role"),
    ],
)
def test_what_it_cannot_be_is_said_by_field(
    bob: User, name: str, about: dict[str, object], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        registered(name, bob, **about)
    assert list(caught.value.message_dict) == [field]
    assert not Agent.objects.exists()


def test_who_is_not_heard_of_is_unknown_then_gone_and_comes_back_in_between(
    bob: User,
) -> None:
    one = registered("far", bob)
    assert registry.mark_silent() == 0
    silent_for(one.run, 61)
    assert registry.mark_silent() == 1
    assert status() == ("unknown", "no heartbeat for 1 min", "heartbeat")
    assert registry.mark_silent() == 0
    beat(one)
    assert status() == ("running", "it is heard of again", "heartbeat")
    silent_for(one.run, 301)
    assert registry.mark_silent() == 1
    assert status() == (
        "stopped",
        "no heartbeat for 5 min: it is taken for gone",
        "heartbeat",
    )
    assert Agent.objects.get().desired_state == "stopped"
    assert tokens.find(one.token) is None
    with pytest.raises(RunOver):
        beat(one)
    assert registry.mark_silent() == 0


def test_the_look_for_silent_ones_is_one_query_of_an_index(bob: User) -> None:
    for number in range(3):
        registered(f"far-{number}", bob)
    with CaptureQueriesContext(connection) as queries:
        assert registry.mark_silent() == 0
    assert len(queries) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
        assert "run_leased" in str(cursor.fetchall())


def test_a_heartbeat_renews_its_locks_and_a_lock_that_ran_out_is_told_as_lost(
    bob: User,
) -> None:
    one = registered("far", bob)
    claim = lock(one, "a")
    silent_for(one.run, 50)
    assert beat(one).locks_lost == ()
    silent_for(one.run, 50)
    assert locks.end_leases() == 0
    silent_for(one.run, 20)
    reply = beat(one)
    (lost,) = reply.locks_lost
    assert (lost.pattern, lost.fence) == ("a", 1)
    row = LockClaim.objects.get(pk=claim)
    assert (row.state, row.reason) == ("ended", "its lease has run out")
    assert reply.interval == 20
    # It may ask for it again, and has a higher fence.
    assert LockClaim.objects.get(pk=lock(one, "a")).fence == 2


def test_who_waits_has_the_lock_when_its_holder_goes(bob: User) -> None:
    one, other = registered("far", bob), registered("near", bob)
    lock(one, "a")
    wanted = locks.Wanted(
        "/w", ("a",), Mode.EXCLUSIVE, other.agent.pk, other.run.pk, lease=60.0
    )
    waiting = locks.ask(wanted, wait=True)
    assert not waiting.held
    assert registry.deregister(one.agent.pk, tokens.of_user(bob), "done")
    assert LockClaim.objects.get(agent_name="near").state == "held"
    assert status() == ("stopped", "deregistered: done", "registry")
    assert not registry.deregister(one.agent.pk, tokens.of_user(bob))


def test_it_deregisters_itself(bob: User) -> None:
    one = registered("far", bob)
    caller = tokens.find(one.token)
    assert caller is not None
    assert registry.deregister(one.agent.pk, caller)
    assert status() == ("stopped", "deregistered itself", "registry")
    assert StatusChange.objects.first().actor == "agent far"  # type: ignore[union-attr]


def test_an_agent_of_the_hub_is_not_deregistered(bob: User) -> None:
    agent = make_agent("web", status="running")
    with pytest.raises(NotOutside, match="stop it instead"):
        registry.deregister(agent.pk, tokens.of_user(bob))


def test_a_barrier_is_broken_by_a_party_that_is_taken_for_gone(bob: User) -> None:
    one, other = registered("far", bob), registered("near", bob)
    barriers.make("build", ["far", "near"], by="bob")
    barriers.arrive("build", other.agent.pk, other.run.pk)
    silent_for(one.run, 61)
    registry.mark_silent()
    assert barriers.standing("build").state == "waiting"
    silent_for(one.run, 300)
    registry.mark_silent()
    after = barriers.standing("build")
    assert after.state == "broken"
    assert after.reason.startswith("far ended before it arrived: no heartbeat")

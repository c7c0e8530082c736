"""Nodes: who supervises, and what a silence means for the agents there."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Change, Node, StatusChange
from agents.policy.states import ALIVE, Status
from agents.services import nodes, presence
from tests.services.fleet import make_agent, make_run


def fall_silent(name: str = "local") -> None:
    """As if its supervisor had been killed some time ago."""
    past = timezone.now() - timedelta(seconds=1)
    Node.objects.filter(name=name).update(lease=past)


def recover_meanwhile(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """The supervisor renews its lease between two looks of another process."""

    def over(node: str) -> None:
        assert nodes.renew(node, epoch)

    monkeypatch.setattr(presence, "hardship", over)


@pytest.mark.django_db
class TestLease:
    def test_nobody_supervises_a_node_that_was_never_taken(self) -> None:
        assert nodes.is_supervised() is False
        assert nodes.mark_silent() == 0

    def test_who_takes_a_node_supervises_it(self) -> None:
        begun = timezone.now()
        assert nodes.take("local", "boot", 42) == 1
        node = Node.objects.get()
        assert (node.name, node.boot_id, node.pid) == ("local", "boot", 42)
        assert node.last_seen is not None and node.last_seen >= begun
        assert node.lease == node.last_seen + nodes.LEASE
        assert nodes.is_supervised() is True
        assert nodes.is_supervised("other") is False

    def test_a_lease_is_renewed_several_times_before_it_ends(self) -> None:
        assert nodes.LEASE.total_seconds() > 2 * nodes.RENEW_EVERY

    def test_a_lease_ends_by_itself(self) -> None:
        nodes.take("local", "boot", 42)
        fall_silent()
        assert nodes.is_supervised() is False

    def test_a_renewed_lease_goes_on(self) -> None:
        epoch = nodes.take("local", "boot", 42)
        fall_silent()
        assert nodes.renew("local", epoch) is True
        assert nodes.is_supervised() is True

    def test_who_recovers_while_somebody_looks_is_heard(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The lease that was read is old, and the hardship has just ended."""
        make_agent("lives", status=Status.RUNNING)
        recover_meanwhile(monkeypatch, nodes.take("local", "boot", 42))
        fall_silent()
        assert nodes.is_supervised() is True
        fall_silent()
        assert nodes.mark_silent() == 0
        assert Agent.objects.get().status == Status.RUNNING

    def test_each_supervisor_has_an_epoch_of_its_own(self) -> None:
        first = nodes.take("local", "boot", 1)
        second = nodes.take("local", "boot", 2)
        assert second > first
        assert nodes.renew("local", second) is True

    def test_who_was_replaced_can_neither_renew_nor_end_the_others_lease(self) -> None:
        first = nodes.take("local", "boot", 1)
        nodes.take("local", "boot", 2)
        assert nodes.renew("local", first) is False
        nodes.leave("local", first)
        assert nodes.is_supervised() is True
        assert Node.objects.get().pid == 2

    def test_a_supervisor_that_leaves_is_gone_at_once(self) -> None:
        epoch = nodes.take("local", "boot", 42)
        nodes.leave("local", epoch)
        assert nodes.is_supervised() is False
        node = Node.objects.get()
        assert (node.pid, node.lease, node.epoch) == (None, None, epoch)


@pytest.mark.django_db(transaction=True)
def test_supervisors_that_come_at_once_never_share_an_epoch() -> None:
    together = threading.Barrier(6)
    epochs: list[int] = []

    def take(pid: int) -> None:
        try:
            together.wait(timeout=10)
            epochs.append(nodes.take("local", "boot", pid))
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[pid]) for pid in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(epochs) == [1, 2, 3, 4, 5, 6]
    assert Node.objects.get().epoch == 6


@pytest.mark.django_db
class TestSilence:
    @pytest.mark.parametrize("status", list(Status))
    def test_only_what_may_be_alive_becomes_unknown(self, status: Status) -> None:
        nodes.take("local", "boot", 42)
        agent = make_agent(status=status, status_reason="as it was")
        fall_silent()
        marked = nodes.mark_silent()
        stored = Agent.objects.get()
        if status not in ALIVE - {Status.UNKNOWN}:
            assert (marked, stored.status) == (0, status.value)
            assert stored.status_since == agent.status_since
            assert not StatusChange.objects.exists()
            return
        assert (marked, stored.status) == (1, "unknown")
        assert stored.status_since > agent.status_since

    def test_the_history_says_the_same_as_the_agent(self) -> None:
        nodes.take("local", "boot", 42)
        agent = make_agent(status="running", pid=7)
        run = make_run(agent)
        Agent.objects.update(run=run)
        fall_silent()
        nodes.mark_silent()
        stored, line = Agent.objects.get(), StatusChange.objects.get()
        assert (line.from_status, line.to_status) == ("running", "unknown")
        assert (
            line.reason
            == stored.status_reason
            == ("no word from the node's supervisor")
        )
        assert (line.at, line.run) == (stored.status_since, run)
        assert line.source == stored.status_source
        # What was known of the process may well be true still.
        assert (stored.pid, stored.run) == (7, run)
        assert list(Change.objects.values_list("agent_id", flat=True)) == [agent.pk]

    def test_a_silence_is_noticed_once(self) -> None:
        nodes.take("local", "boot", 42)
        make_agent(status="running")
        fall_silent()
        assert [nodes.mark_silent(), nodes.mark_silent()] == [1, 0]
        assert StatusChange.objects.count() == Change.objects.count() == 1

    def test_a_supervisor_that_left_watches_nobody_either(self) -> None:
        epoch = nodes.take("local", "boot", 42)
        make_agent(status="running")
        nodes.leave("local", epoch)
        assert nodes.mark_silent() == 1

    def test_agents_of_a_node_that_speaks_stay_as_they_are(self) -> None:
        nodes.take("local", "boot", 42)
        nodes.take("other", "boot", 43)
        make_agent("here", status="running")
        make_agent("there", status="running", node="other")
        fall_silent("other")
        assert nodes.mark_silent() == 1
        assert Agent.objects.get(name="here").status == "running"
        assert Agent.objects.get(name="there").status == "unknown"

    def test_looking_for_silence_is_cheap_while_there_is_none(self) -> None:
        """Each web process looks again and again."""
        nodes.take("local", "boot", 42)
        make_agent(status="running")
        with CaptureQueriesContext(connection) as queries:
            assert nodes.mark_silent() == 0
        assert len(queries) == 1

    def test_a_silent_fleet_is_marked_in_few_queries(self) -> None:
        nodes.take("local", "boot", 42)
        for number in range(50):
            make_agent(f"worker-{number}", status="running")
        fall_silent()
        with CaptureQueriesContext(connection) as queries:
            assert nodes.mark_silent() == 50
        # Whatever the number of agents: it looks twice, the second time in the lock.
        assert len(queries) <= 13

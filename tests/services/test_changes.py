"""The change counter: what is news, and how little it costs to see that none is."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Change
from agents.services import changes
from agents.services.changes import Glance, News


@pytest.mark.django_db
class TestCounter:
    def test_before_anything_happens_the_counter_is_zero(self) -> None:
        assert changes.latest() == 0
        assert changes.since(0) == News(0, frozenset(), frozenset(), frozenset())
        assert not changes.since(0)

    def test_each_change_is_counted_once_and_in_order(self) -> None:
        changes.append(changes.AGENT, [5, 3])
        changes.append(changes.REQUEST, [9])
        rows = list(Change.objects.values_list("topic", "agent_id"))
        assert rows == [("agent", 5), ("agent", 3), ("request", 9)]
        assert changes.latest() == Change.objects.get(agent_id=9).seq

    def test_news_is_what_came_after_the_last_look(self) -> None:
        changes.append(changes.AGENT, [1])
        seen = changes.latest()
        changes.append(changes.AGENT, [2, 2])
        changes.append(changes.REQUEST, [3])
        news = changes.since(seen)
        assert news.agents == {2, 3}
        assert news.requests == {3}
        assert news.seq == changes.latest()
        assert news

    def test_who_has_seen_everything_stays_where_he_is(self) -> None:
        changes.append(changes.AGENT, [1])
        seen = changes.latest()
        assert changes.since(seen) == News(seen, frozenset(), frozenset(), frozenset())
        assert changes.since(seen + 100).seq == seen + 100

    def test_it_reaches_back_to_before_the_first_until_that_is_pruned(self) -> None:
        assert changes.reaches(0)
        assert not changes.reaches(1)
        old = timezone.now() - changes.KEEP
        for seq in (1, 2, 3):
            Change.objects.create(seq=seq, topic="agent", agent_id=seq, at=old)
        assert [changes.reaches(seq) for seq in range(-1, 5)] == [
            *(False, True, True, True, True, False)
        ]
        assert changes.prune() == 2
        assert [changes.reaches(seq) for seq in range(5)] == [
            *(False, False, False, True, False)
        ]

    def test_a_change_of_no_agent_moves_the_counter_only(self) -> None:
        Change.objects.create(topic="agent", agent_id=None)
        news = changes.since(0)
        assert (news.agents, news.seq) == (frozenset(), changes.latest())

    def test_many_changes_are_written_in_few_statements(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            changes.append(changes.AGENT, range(300))
        assert len(queries) <= 3
        assert changes.since(0).agents == frozenset(range(300))
        with CaptureQueriesContext(connection) as queries:
            changes.append(changes.AGENT, [])
        assert len(queries) == 0


@pytest.mark.django_db
class TestPruning:
    def test_only_old_changes_are_pruned(self) -> None:
        changes.append(changes.AGENT, [1, 2, 3])
        old = timezone.now() - changes.KEEP - timedelta(seconds=1)
        Change.objects.exclude(agent_id=3).update(at=old)
        assert changes.prune() == 2
        assert Change.objects.get().agent_id == 3

    def test_the_counter_never_falls(self) -> None:
        """After a quiet day too: pages and programs keep the number they have seen."""
        changes.append(changes.AGENT, [1, 2])
        last = changes.latest()
        Change.objects.update(at=timezone.now() - 2 * changes.KEEP)
        assert changes.prune() == 1
        assert changes.latest() == last
        changes.append(changes.AGENT, [3])
        assert changes.since(last).agents == {3}

    def test_nothing_to_prune_is_no_harm(self) -> None:
        assert changes.prune() == 0


def in_a_thread(job: Callable[[], None]) -> None:
    """Another thread has another connection."""

    def run() -> None:
        job()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=10)


def append_one() -> None:
    changes.append(changes.AGENT, [1])


@pytest.mark.django_db(transaction=True)
class TestGlance:
    @pytest.fixture(autouse=True)
    def only_sqlite(self) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("NOT TESTED: a glance is cheap on SQLite only")

    def test_the_first_look_always_finds_something(self) -> None:
        assert Glance().anything_new() is True

    def test_nothing_is_new_until_somebody_commits(self) -> None:
        glance = Glance()
        glance.anything_new()
        assert [glance.anything_new() for _ in range(3)] == [False] * 3

    def test_a_commit_of_another_connection_is_seen_once(self) -> None:
        glance = Glance()
        glance.anything_new()
        in_a_thread(append_one)
        assert [glance.anything_new() for _ in range(2)] == [True, False]

    def test_a_commit_of_another_process_is_seen(self) -> None:
        glance = Glance()
        glance.anything_new()
        source = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); "
            'c.execute("INSERT INTO agents_change '
            "(topic, agent_id, history, gone, at) "
            "VALUES ('agent', 7, 0, '', '2026-01-01')\"); c.commit()"
        )
        path = str(connection.settings_dict["NAME"])
        subprocess.run([sys.executable, "-c", source, path], check=True)
        assert glance.anything_new() is True
        assert changes.since(0).agents == {7}

    def test_ones_own_commits_are_not_news(self) -> None:
        glance = Glance()
        glance.anything_new()
        append_one()
        assert glance.anything_new() is False

    def test_what_happened_while_the_connection_was_closed_is_seen(self) -> None:
        """A new connection begins with the very number the old one had shown."""
        glance = Glance()
        glance.anything_new()
        connection.close()
        in_a_thread(append_one)
        assert [glance.anything_new() for _ in range(2)] == [True, False]

    def test_two_who_look_do_not_take_the_news_from_each_other(self) -> None:
        one, other = Glance(), Glance()
        one.anything_new(), other.anything_new()
        in_a_thread(append_one)
        assert (one.anything_new(), other.anything_new()) == (True, True)

    def test_looking_is_worth_it_only_when_the_files_have_changed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "LOOK_ANYWAY", 3600.0)
        glance = Glance()
        assert [glance.worth_it() for _ in range(3)] == [True, False, False]
        in_a_thread(append_one)
        assert [glance.worth_it() for _ in range(2)] == [True, False]

    def test_looking_is_worth_it_now_and_then_whatever_the_files_say(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "LOOK_ANYWAY", 0.0)
        glance = Glance()
        assert [glance.worth_it() for _ in range(3)] == [True] * 3

    def test_a_look_is_one_small_query(self) -> None:
        glance = Glance()
        with CaptureQueriesContext(connection) as queries:
            glance.anything_new()
        assert [query["sql"] for query in queries] == ["PRAGMA data_version"]

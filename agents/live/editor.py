"""Looks for news and has it rendered, for all open pages and programs at once.

Everything here runs in one thread of its own, so that its database connection sees
each commit of others, and no page's query ever waits behind it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Min

from agents.live import follow, fragments, meetings, rendering, transcripts
from agents.live.batches import Batches
from agents.live.demand import Demand, Edition, Key, LogDemand, LogStep, TaskStep
from agents.live.feed import Feed
from agents.live.locks import Locks
from agents.live.places import Answer, Place
from agents.live.subscription import TaskPosition
from agents.live.topics import Wanted
from agents.live.transcripts import Sight
from agents.models import Change
from agents.services import (
    agent_detail,
    changes,
    nodes,
    overview,
    registry,
    registry_list,
    task_list,
)
from agents.services.agent_detail import RunView, Vitals
from agents.services.changes import News
from agents.services.logs import default_log_store
from agents.services.overview import Supervision

# Seconds. Fragments come at most this often; output and the look itself each tick.
COALESCE: Final = 0.2
NUMBERS_EVERY: Final = 2.0
SILENCE_EVERY: Final = 5.0


class Editor:
    """Remembers what it has told; `seq` is the change counter up to which it looked."""

    def __init__(self) -> None:
        self.seq = changes.latest()
        self._glance = changes.Glance()
        self._store = default_log_store()
        self._feed = Feed(self.seq)
        self._waiting = False
        # Where the news could not be told at the last attempt.
        self._failed_at = -1
        self._rendered_at = self._numbers_at = self._silence_at = 0.0
        self._supervision: Supervision | None = None
        self._vitals: dict[int, Vitals] = {}
        self._runs: dict[tuple[int, int], list[RunView]] = {}
        self._tasks: dict[int, Sight] = {}
        self._beats: dict[int, datetime | None] = {}
        self._batches = Batches()
        self._locks = Locks()

    def look(
        self, demands: Collection[Demand], places: Collection[Place] = ()
    ) -> Edition:
        """What has changed since the last look, for these pages; and what programs
        at these places are told next."""
        now = time.monotonic()
        edition = Edition(self.seq)
        if now - self._silence_at >= SILENCE_EVERY:
            self._silence_at = now
            # Our own commit is the one that a glance does not see.
            marked = nodes.mark_silent() + registry.mark_silent()
            marked += self._locks.end(demands)
            self._waiting = bool(marked) or self._waiting
        self._waiting = self._glance.anything_new() or self._waiting
        if self._waiting and now - self._rendered_at >= COALESCE:
            self._rendered_at = now
            edition = self._news(demands)
            self._waiting = False
        if now - self._numbers_at >= NUMBERS_EVERY:
            self._numbers_at = now
            edition = self._with_numbers(edition, demands)
        return replace(
            edition,
            logs=self._follow(demands),
            transcripts=self._follow_tasks(demands),
            told=self._feed.look(places, self.seq),
        )

    def begin(self, wanted: Wanted) -> list[Answer]:
        """What a program is sent first. Raises Malformed."""
        return self._feed.begin(wanted, self.seq)

    def snapshot(self, demand: Demand, after: int) -> Edition:
        """All that a page shows; of its rows only the new ones, if that can be told."""
        # Before the rows, so that what is missed here comes with the next look.
        seq = changes.latest()
        ids, task_ids = demand.ids, demand.task_ids
        if _is_kept(after):
            news = changes.since(after)
            ids, task_ids = ids & news.agents, task_ids & news.task_ids
        made = rendering.lists([demand], ids)
        made |= rendering.registry([demand], ids)
        made |= rendering.tasks([demand], task_ids)
        made |= rendering.task_pages([demand], {demand.task} - {0})
        made["supervisor", 0, False] = fragments.supervisor(overview.supervision())
        made |= rendering.brake([demand]) | self._batches.whole(demand)
        made |= meetings.barriers([demand]) | self._locks.whole(demand)
        if demand.agent_id is not None:
            made |= rendering.agents([demand], {demand.agent_id})
        return Edition(
            seq,
            made,
            overview.ids(),
            rendering.numbers(demand.ids),
            self._follow([demand]),
            task_list.latest_ids() if demand.tasks else None,
            self._follow_tasks([demand]),
        )

    def _news(self, demands: Collection[Demand]) -> Edition:
        news = changes.since(self.seq)
        try:
            edition = self._rendered(demands, news)
        except Exception:
            # The next look tries it again; what fails twice must not keep back the
            # news of all others.
            if self._failed_at == self.seq:
                self.seq = news.seq
            self._failed_at = self.seq
            # What they take for told was not.
            self._batches, self._locks = Batches(), Locks()
            raise
        self.seq = news.seq
        return edition

    def _rendered(self, demands: Collection[Demand], news: News) -> Edition:
        if not news:
            return Edition(news.seq)
        self._runs = {
            key: runs for key, runs in self._runs.items() if key[0] not in news.agents
        }
        made = rendering.lists(demands, news.agents)
        made |= rendering.registry(demands, news.agents)
        made |= rendering.agents(demands, news.agents)
        if changes.BRAKE in news.hub:
            made |= rendering.brake(demands)
        # How those are that are missing stands beside their names.
        if changes.BARRIER in news.hub or news.agents:
            made |= meetings.barriers(demands)
        if news.agents:
            made |= self._locks.changed(demands)
        if news.hub & {changes.BRAKE, changes.BATCH}:
            made |= self._batches.changed(demands)
        listing = any(one.overview or one.agents or one.registry for one in demands)
        edition = Edition(news.seq, made, overview.ids() if listing else None)
        return self._with_tasks(edition, demands, news)

    def _with_tasks(
        self, edition: Edition, demands: Collection[Demand], news: News
    ) -> Edition:
        for task_id in news.task_ids:
            self._tasks.pop(task_id, None)
        made = rendering.tasks(demands, news.task_ids)
        made |= rendering.task_pages(demands, self._touched(demands, news))
        lists = any(one.tasks for one in demands)
        return replace(
            edition,
            fragments={**edition.fragments, **made},
            newest_tasks=task_list.latest_ids() if lists else None,
        )

    def _touched(self, demands: Collection[Demand], news: News) -> set[int]:
        """The tasks whose pages are not true any more: what an agent is says why its
        tasks wait."""
        shown = {one.task for one in demands} - {0}
        return {
            task_id
            for task_id, agent_id in task_list.agents_of(shown).items()
            if task_id in news.task_ids or agent_id in news.agents
        }

    def _with_numbers(self, edition: Edition, demands: Collection[Demand]) -> Edition:
        made: dict[Key, str] = dict(edition.fragments)
        supervision = overview.supervision()
        if supervision != self._supervision:
            self._supervision = supervision
            made["supervisor", 0, False] = fragments.supervisor(supervision)
        seen: dict[int, Vitals] = {}
        for agent_id in {one.agent_id for one in demands}:
            view = None if agent_id is None else agent_detail.vitals_of(agent_id)
            if agent_id is None or view is None:
                continue
            seen[agent_id] = view
            if view != self._vitals.get(agent_id):
                made["figures", agent_id, False] = fragments.vitals(view)
        self._vitals = seen
        made |= rendering.registry(demands, self._heard(demands))
        made |= self._locks.renewed(demands)
        ids: frozenset[int] = frozenset().union(*(one.ids for one in demands))
        return replace(edition, fragments=made, numbers=rendering.numbers(ids))

    def _heard(self, demands: Collection[Demand]) -> set[int]:
        """Those of the registry that have given a heartbeat, which is no news."""
        ids = frozenset[int]().union(*(one.records for one in demands))
        before, self._beats = self._beats, registry_list.beats(ids) if ids else {}
        return {pk for pk, at in self._beats.items() if before.get(pk, at) != at}

    def _follow_tasks(self, demands: Iterable[Demand]) -> dict[TaskPosition, TaskStep]:
        found = {}
        readers = {one.transcript for one in demands if one.transcript is not None}
        for reader in readers:
            if reader.id not in self._tasks:
                self._tasks[reader.id] = transcripts.sight(reader.id)
            seen = self._tasks[reader.id]
            try:
                step = transcripts.step(self._store, reader, seen)
            except (OSError, ValueError):
                continue  # As below.
            if step:
                found[reader] = step
        self._tasks = {
            task_id: seen
            for task_id, seen in self._tasks.items()
            if any(task_id == reader.id for reader in readers)
        }
        return found

    def _follow(self, demands: Iterable[Demand]) -> dict[LogDemand, LogStep]:
        found = {}
        for reader in {one.log for one in demands if one.log is not None}:
            key = (reader.agent_id, reader.run)
            if key not in self._runs:
                self._runs[key] = agent_detail.runs_from(*key)
            try:
                step = follow.step(self._store, reader, self._runs[key])
            except (OSError, ValueError):
                # An agent can put anything in its output's place. The page that
                # opens says what is wrong; other pages must not suffer.
                continue
            if step:
                found[reader] = step
        return found


def drop_connection() -> None:
    """Give this thread's connection of the database back; the next look has another."""
    connection.close()


def _is_kept(after: int) -> bool:
    """Whether every change since then is still known."""
    oldest = Change.objects.aggregate(first=Min("seq"))["first"]
    return after > 0 and oldest is not None and oldest <= after + 1

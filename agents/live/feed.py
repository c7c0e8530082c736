"""What programs are told next, from where each of them is; in the editor's thread.

Nothing is kept for a program: the database and the files are its queue, so that one
that was away, or slow, goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from agents.live import follow_runs, follow_tasks
from agents.live.digest import Digest, dumps
from agents.live.follow_runs import Around
from agents.live.places import (
    AgentPlace,
    AgentsPlace,
    Answer,
    LogPlace,
    Place,
    TaskPlace,
    Told,
)
from agents.live.topics import Wanted
from agents.services import agent_news
from agents.services.logs import default_log_store

# Seconds. Programs that come together, as after a restart, are sent one snapshot.
SHARED_FOR: Final = 1.0
MOST_DIGESTS: Final = 32


@dataclass(frozen=True, slots=True)
class _Snapshot:
    at: float
    seq: int
    text: str


class Feed:
    """Remembers what was just made, for whoever else is at the same place."""

    def __init__(self, seq: int) -> None:
        self._store = default_log_store()
        self._looked = seq
        self._snapshot: _Snapshot | None = None
        self._digests: dict[tuple[int, int], Digest] = {}
        self._runs: dict[LogPlace, Around] = {}

    def begin(self, wanted: Wanted, seq: int) -> list[Answer]:
        """The first message for each topic; `seq`: up to where the editor has looked.

        Raises Malformed where something cannot be followed.
        """
        after = wanted.after
        if after is not None and not agent_news.can_tell(after):
            after = None
        # Who knows more than we have looked at has it from before a restart.
        now = max(seq, after or 0)
        answers = [self._all(after, now)] if wanted.everyone else []
        answers += [self._one(name, after, now) for name in wanted.agents]
        answers += [
            follow_runs.begin(self._store, name, wanted.positions.get(name), now)
            for name in wanted.logs
        ]
        answers += [
            follow_tasks.begin(one, wanted.steps.get(one), now) for one in wanted.tasks
        ]
        return answers

    def look(self, places: Collection[Place], seq: int) -> dict[Place, Told]:
        """What is new for programs at these places, up to `seq`."""
        readers = [one for one in places if isinstance(one, LogPlace)]
        self._forget(readers, seq)
        found: dict[Place, Told] = {}
        for place in places:
            told: Told | None
            if isinstance(place, LogPlace):
                told = follow_runs.told(self._store, place, self._around(place), seq)
            elif isinstance(place, TaskPlace):
                told = self._of_task(place, seq)
            else:
                told = self._of_agents(place, seq) if place.seq < seq else None
            if told is not None:
                found[place] = told
        return found

    def _all(self, after: int | None, now: int) -> Answer:
        if after is not None:
            data = self._digest(after, now).of_everyone
            return Answer(data, AgentsPlace(now), now, resumed=True, previous=after)
        made, moment = self._snapshot, time.monotonic()
        if made is None or moment - made.at > SHARED_FOR:
            made = _Snapshot(moment, now, dumps(agent_news.everyone()))
            self._snapshot = made
        return Answer(made.text, AgentsPlace(made.seq), made.seq, resumed=False)

    def _one(self, name: str, after: int | None, now: int) -> Answer:
        place = AgentPlace(name, now)
        if after is not None:
            data = self._digest(after, now).of(name)
            return Answer(data, place, now, resumed=True, previous=after)
        shape = {
            "agent": agent_news.one(name),
            "history": agent_news.lately(name, now),
        }
        return Answer(dumps(shape), place, now, resumed=False)

    def _of_agents(self, place: AgentsPlace | AgentPlace, seq: int) -> Told:
        digest = self._digest(place.seq, seq)
        if isinstance(place, AgentsPlace):
            data = digest.of_everyone if digest.names else ""
            return Told((data,) if data else (), AgentsPlace(seq), seq)
        data = digest.of(place.name) if place.name in digest.names else ""
        return Told((data,) if data else (), AgentPlace(place.name, seq), seq)

    def _of_task(self, place: TaskPlace, seq: int) -> Told | None:
        changed = place.seq < seq and place.id in self._digest(place.seq, seq).tasks
        return follow_tasks.told(place, seq, changed=changed)

    def _digest(self, after: int, upto: int) -> Digest:
        key = (after, upto)
        if key not in self._digests:
            stale = any(known != upto for _, known in self._digests)
            if stale or len(self._digests) >= MOST_DIGESTS:
                self._digests.clear()
            self._digests[key] = Digest(agent_news.between(after, upto))
        return self._digests[key]

    def _around(self, place: LogPlace) -> Around:
        key = LogPlace(place.name, place.agent_id, place.run, 0, 0)
        if key not in self._runs:
            self._runs[key] = follow_runs.around(place.agent_id, place.run)
        return self._runs[key]

    def _forget(self, readers: Collection[LogPlace], seq: int) -> None:
        """What was known of the runs of agents that have changed, or nobody reads."""
        if not readers:
            self._runs.clear()
        changed: frozenset[str] = frozenset()
        if self._runs and self._looked < seq:
            changed = self._digest(self._looked, seq).names
        self._looked = seq
        read = {(one.agent_id, one.run) for one in readers}
        self._runs = {
            key: known
            for key, known in self._runs.items()
            if key.name not in changed and (key.agent_id, key.run) in read
        }

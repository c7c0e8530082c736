"""The one bridge between the event loop and the database.

All of the supervisor's ORM calls run in one thread of its own, in order, and
wait out a database that is locked or full: agents run on meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Collection, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, ParamSpec, TypeVar

from django.db import OperationalError, connection
from django.db.models import F, Max
from django.utils import timezone

from agents.models import Agent, Request, Run
from agents.policy.brake import Brake
from agents.policy.clock import Moment
from agents.policy.reconcile import Wanted
from agents.policy.setup import AgentSetup
from agents.policy.states import Action, Desired, Outcome, Status
from agents.services import (
    brake,
    changes,
    cluster,
    lifecycle,
    nodes,
    recording,
    registry,
    work,
)
from agents.services.bulk import Among
from agents.services.recording import Condition, Observed, Step

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RETRY_EVERY: Final = 0.5
# A database that has not answered for so long is worth a word (seconds).
PATIENCE: Final = 2.0


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One agent as the tables have it. `live`: its run that has not ended."""

    setup: AgentSetup
    wanted: Wanted
    wanted_by: str
    seen: Observed
    next_run_number: int
    live: Run | None
    heartbeat_run: uuid.UUID | None = None
    last_heartbeat_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is now wanted of one agent, and who wants it."""

    agent_id: int
    wanted: Wanted
    wanted_by: str


@dataclass(frozen=True, slots=True)
class News:
    """Rows that others wrote: agents that `changed`, and those to be stopped.

    An agent that changed and has no record is gone. `tasks`: agents with a task that
    has changed. `brake`: the fleet brake, if that has changed.
    """

    changed: Collection[int] = ()
    records: Sequence[AgentRecord] = ()
    stops: Sequence[Wish] = ()
    tasks: Collection[int] = ()
    brake: Brake | None = None


_NO_NEWS: Final = News()


class Store:
    """The bridge of one manager. `degraded` says why it waits, or is empty;
    `tell` is called with it, on the loop, whenever it begins, changes or ends."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="supervisor-db")
        self._glance = changes.Glance()
        self._seq = 0
        # This connection's own commits do not show in its data_version.
        self._asked_itself = False
        self._heard = False
        self.degraded = ""
        # Set when the process is to end: a database that is gone is not waited for.
        self.give_up = False

    async def call(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run in the database thread; repeat while the database is not there."""
        loop = asyncio.get_running_loop()
        while True:
            late = loop.call_later(PATIENCE, self._late)
            try:
                result = await loop.run_in_executor(
                    self._thread, lambda: function(*args, **kwargs)
                )
            except OperationalError as error:
                if self.give_up:
                    raise
                self._now_degraded(str(error))
                await loop.run_in_executor(self._thread, _disconnect)
                await asyncio.sleep(RETRY_EVERY)
            else:
                self._now_degraded("")
                return result
            finally:
                late.cancel()

    def _late(self) -> None:
        # SQLite waits for a lock itself, and has nothing to say meanwhile.
        if not self.degraded:
            self._now_degraded(f"no answer for {PATIENCE:g} s")

    def _now_degraded(self, reason: str) -> None:
        if reason == self.degraded:
            return
        if not reason:
            logger.warning("the database answers again")
        elif not self.degraded:
            logger.error("the database does not answer: %s", reason)
        self.degraded = reason
        self._tell(reason)

    async def load(
        self, node: str, only: Collection[int] | None = None
    ) -> list[AgentRecord]:
        """All agents of the node (or those of them in `only`)."""
        return await self.call(self._load, node, only)

    def _load(self, node: str, only: Collection[int] | None) -> list[AgentRecord]:
        self._seq = changes.latest()
        return agent_records(node, only)

    async def news(
        self, node: str, only: Collection[int] | None, known: Container[int]
    ) -> News:
        """What others wrote since the last call; an empty one costs next to nothing."""
        if not (self._asked_itself or self._heard or self._glance.worth_it()):
            return _NO_NEWS
        self._heard = False
        return await self.call(self._news, node, only, known)

    def _news(
        self, node: str, only: Collection[int] | None, known: Container[int]
    ) -> News:
        if not (self._glance.anything_new() or self._asked_itself):
            return _NO_NEWS
        self._asked_itself = False
        found = changes.since(self._seq, changes.BY_OTHERS)
        requests, foreign = found.requests, found.foreign
        if only is not None:
            requests, foreign = requests & set(only), foreign & set(only)
        asked = wishes(node, requests - foreign) if requests - foreign else []
        stops = [
            wish
            for wish in asked
            if wish.wanted.desired is Desired.STOPPED and wish.agent_id in known
        ]
        # What is to be started is read whole: its set-up as it stands by now.
        foreign |= requests - {wish.agent_id for wish in stops}
        records = agent_records(node, foreign) if foreign else []
        braked = brake.as_seen() if changes.BRAKE in found.hub else None
        # Only now: what fails before this is repeated, and has to find the same.
        self._seq = found.seq
        return News(foreign, records, stops, found.tasks, braked)

    async def brake(self) -> Brake:
        """The fleet brake as it is now."""
        return await self.call(brake.as_seen)

    def listen_up(self) -> None:
        """Somebody has committed: the next call of `news` looks, whatever it costs."""
        self._heard = True

    async def record(self, steps: Sequence[Step]) -> None:
        """Record the steps in one transaction."""
        if steps:
            await self.call(recording.record, steps)

    async def settle_forgotten(self, node: str) -> int:
        """Close requests whose work was done before their outcome was written."""
        return await self.call(settle_forgotten, node)

    async def requeue_tasks(self) -> int:
        """Queue again the tasks of runs that are over."""
        return await self.call(work.requeue_ended)

    async def ask(
        self, action: Action, agent_ids: Collection[int], asker: lifecycle.Asker
    ) -> list[lifecycle.Asked]:
        """Record a request of the program's own."""
        asked = await self.call(lifecycle.ask, action, agent_ids, asker, Moment.now())
        self._asked_itself = True
        return asked

    async def keep_cluster(self, reason: str) -> None:
        """Ask for the hub's own cluster, or for its end, as the schedules need it."""
        await self.call(cluster.keep, reason)
        self._asked_itself = True

    async def end_cluster(self, reason: str) -> lifecycle.Asked | None:
        """Ask for its end in any case; None where none is alive."""
        asked = await self.call(cluster.end, reason)
        self._asked_itself = True
        return asked

    async def outcome(self, request_id: int) -> str:
        """What became of a request; empty while it is open."""
        return await self.call(
            lambda: Request.objects.values_list("outcome", flat=True).get(pk=request_id)
        )

    async def open_requests(self, agent_ids: Collection[int]) -> int:
        """How many of these agents' requests are not settled."""
        return await self.call(
            lambda: Request.objects.filter(
                agent_id__in=agent_ids, outcome=Outcome.OPEN
            ).count()
        )

    async def take_node(self, node: str, boot: str, pid: int) -> int:
        """Say that this process supervises the node; the epoch."""
        return await self.call(nodes.take, node, boot, pid)

    async def renew(self, node: str, epoch: int) -> bool:
        """Say that the node is alive, and who from outside is silent; False when
        another supervisor has taken the node."""
        await self.call(registry.mark_silent)
        return await self.call(nodes.renew, node, epoch)

    async def close(self) -> None:
        """Close the connection and end the thread."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, _disconnect)
        self._thread.shutdown(wait=False)


def _disconnect() -> None:
    """Close this thread's connection; looked up here, each thread has its own."""
    connection.close()


def agent_records(node: str, only: Collection[int] | None) -> list[AgentRecord]:
    """The node's agents with their live runs, in three queries."""
    agents = Agent.every.filter(node=node)
    live_runs = Run.objects.filter(agent__node=node, ended_at=None)
    numbers = Run.objects.filter(agent__node=node)
    if only is not None:
        agents = agents.filter(pk__in=only)
        live_runs = live_runs.filter(agent__in=only)
        numbers = numbers.filter(agent__in=only)
    live = {run.agent_id: run for run in live_runs}
    last = dict(
        numbers.order_by()
        .values("agent")
        .annotate(last=Max("number"))
        .values_list("agent", "last")
    )
    return [
        AgentRecord(
            setup=agent.as_setup(),
            wanted=Wanted(
                Desired(agent.desired_state),
                agent.generation,
                Action(agent.wanted_action),
                _moment(agent.wanted_boot, agent.wanted_boot_seconds),
            ),
            wanted_by=agent.wanted_by,
            seen=observed(agent),
            next_run_number=last.get(agent.pk, 0) + 1,
            live=live.get(agent.pk),
            heartbeat_run=agent.heartbeat_run,
            last_heartbeat_at=agent.last_heartbeat_at,
        )
        for agent in agents
    ]


def wishes(node: str, ids: Collection[int]) -> list[Wish]:
    """What is wanted of these agents: a few columns, where a set-up has dozens."""
    rows = Agent.every.filter(Among("pk", ids), node=node).values_list(
        "pk", "desired_state", "generation", "wanted_action", "wanted_by"
    )
    # Most of those that are asked at once are asked the same.
    wanted = cache(lambda d, g, a: Wanted(Desired(d), g, Action(a)))
    return [Wish(pk, wanted(*wish), by) for pk, *wish, by in rows]


def observed(agent: Agent) -> Observed:
    """The observed columns of a row."""
    boot, *exits = agent.recent_exits or [""]
    return Observed(
        status=Status(agent.status),
        since=agent.status_since,
        reason=agent.status_reason,
        source=agent.status_source,
        conditions=tuple(Condition(**c) for c in agent.conditions),
        generation=agent.observed_generation,
        run_id=agent.run_id,
        run_revision=agent.run_revision,
        pid=agent.pid,
        restart_count=agent.restart_count,
        restarts_total=agent.restarts_total,
        exits_boot=boot,
        recent_exits=tuple(exits),
        started_at=agent.started_at,
        stopped_at=agent.stopped_at,
        retry_at=agent.retry_at,
        retry=_moment(agent.retry_boot, agent.retry_boot_seconds),
    )


def _moment(boot: str, seconds: float | None) -> Moment | None:
    return Moment(boot, seconds) if boot and seconds is not None else None


def settle_forgotten(node: str) -> int:
    """Close requests whose work was done before their outcome was written."""
    return Request.objects.filter(
        agent__node=node,
        outcome=Outcome.OPEN,
        generation__lte=F("agent__observed_generation"),
    ).update(
        outcome=Outcome.DONE, detail="seen after a restart", settled_at=timezone.now()
    )

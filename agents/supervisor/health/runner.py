"""When which probe is asked: thousands on one timer, a bounded number at once.

Nothing runs here while there are no probes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.utils import timezone

from agents.policy import liveness
from agents.policy.clock import boot_seconds
from agents.policy.probes import Probe, ProbeType
from agents.policy.thresholds import ProbeState, Result, Tally, take
from agents.supervisor.hands import Hands
from agents.supervisor.health import exec as exec_
from agents.supervisor.health import http, tcp
from agents.supervisor.health.target import Target

logger = logging.getLogger(__name__)

# A new process costs a thousand times what a connection does.
MOST_PROGRAMS: Final = 8
MOST_CONNECTIONS: Final = 64
# Seconds: the first look comes soon, but not everybody's at once.
FIRST_WITHIN: Final = 2.0
READY_EVERY: Final = 1.0
JITTER: Final = 0.1


@dataclass(slots=True, eq=False)
class Watch:
    """One probe on one run: what it said, and what it says next."""

    target: Target
    probe: Probe
    slot: int
    since: datetime
    tally: Tally = field(default_factory=Tally)
    latest: Result | None = None
    at: datetime | None = None
    dropped: bool = False
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Lane:
    """What may run side by side, and what waits for its turn."""

    most: int
    running: int = 0
    waiting: deque[Watch] = field(default_factory=deque)


class Runner:
    """Asks the probes that it is given, until they are dropped. One event loop.

    `heard` is told of each result, and whether it changed the probe's state.
    """

    def __init__(self, hands: Hands, heard: Callable[[Watch, bool], None]) -> None:
        self._hands, self._heard = hands, heard
        self._heap: list[tuple[float, int, Watch]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._programs = _Lane(MOST_PROGRAMS)
        self._connections = _Lane(MOST_CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, target: Target, probe: Probe) -> Watch:
        """Ask this probe from now on."""
        watch = Watch(target, probe, next(self._numbers), timezone.now())
        self._put(watch, random.random() * min(FIRST_WITHIN, probe.period))
        return watch

    def drop(self, watch: Watch) -> None:
        """Ask it no more; what it is doing is ended."""
        watch.dropped = True
        if watch.task is not None:
            watch.task.cancel()

    async def close(self) -> None:
        """End everything, and wait until it has ended."""
        if self._timer is not None:
            self._timer.cancel()
        for _, _, watch in self._heap:
            watch.dropped = True
        self._heap.clear()
        for lane in (self._programs, self._connections):
            lane.waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- the timer --

    def _put(self, watch: Watch, seconds: float) -> None:
        at = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._heap, (at, next(self._numbers), watch))
        self._arm()

    def _arm(self) -> None:
        if not self._heap:
            return
        at = self._heap[0][0]
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._heap and self._heap[0][0] <= now:
            watch = heapq.heappop(self._heap)[2]
            if not watch.dropped:
                self._turn_of(watch)
        self._arm()

    def _turn_of(self, watch: Watch) -> None:
        if watch.probe.type.by_signs:
            self._take(watch, _by_signs(watch))
            return
        lane = self._lane(watch)
        if lane.running < lane.most:
            self._begin(lane, watch)
        else:
            lane.waiting.append(watch)

    def _lane(self, watch: Watch) -> _Lane:
        programs = watch.probe.type is ProbeType.EXEC
        return self._programs if programs else self._connections

    # -- one question --

    def _begin(self, lane: _Lane, watch: Watch) -> None:
        lane.running += 1
        task = asyncio.create_task(self._ask(lane, watch))
        watch.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, lane: _Lane, watch: Watch) -> None:
        try:
            result = await self._answer(watch)
        except Exception as error:
            logger.exception("%s could not be asked", watch.probe.subject)
            result = Result(False, f"could not be asked: {error}")
        finally:
            watch.task = None
            lane.running -= 1
            while lane.waiting:
                following = lane.waiting.popleft()
                if not following.dropped:
                    self._begin(lane, following)
                    break
        if not watch.dropped:
            self._take(watch, result)

    async def _answer(self, watch: Watch) -> Result:
        probe = watch.probe
        if probe.type is ProbeType.EXEC:
            return await exec_.check(probe, watch.target, watch.slot, self._hands)
        if probe.type is ProbeType.HTTP:
            return await http.check(probe)
        return await tcp.check(probe)

    def _take(self, watch: Watch, result: Result | None) -> None:
        probe, before = watch.probe, watch.tally.state
        if result is not None:
            target = watch.target
            grace_over = boot_seconds() >= target.began + probe.start_grace
            watch.latest, watch.at = result, timezone.now()
            watch.tally = take(
                watch.tally,
                ok=result.ok,
                failures=probe.failures,
                successes=probe.successes,
                counts=grace_over and target.ready(),
            )
            changed = watch.tally.state is not before
            if changed:
                watch.since = watch.at
            self._heard(watch, changed)
        period = probe.period * random.uniform(1 - JITTER, 1 + JITTER)
        if probe.readiness and watch.tally.state is ProbeState.WAITING:
            period = min(period, READY_EVERY)
        if not watch.dropped:
            self._put(watch, period)


def _by_signs(watch: Watch) -> Result | None:
    signs, seconds = watch.target.signs(), watch.probe.seconds
    if watch.probe.type is ProbeType.SILENCE:
        return liveness.silence(signs, seconds)
    return liveness.heartbeat(signs, seconds)

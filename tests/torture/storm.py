"""Hub after hub is killed under a random load; what was seen is counted.

The seed decides what is asked of whom, how long programs live, and where or when
each hub dies; the machine decides how far everything has come by then.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from agents.policy.states import Action
from tests.torture.arena import SUPERVISE, Arena
from tests.torture.invariants import SOON, Verdict
from tests.torture.points import POINTS, Point, Scene

ACTIONS: Final = (
    Action.START,
    Action.START,
    Action.START,
    Action.STOP,
    Action.STOP,
    Action.RESTART,
    Action.RESTART,
    Action.KILL,
)
AT_ANY_TIME: Final = "at a random time"
WHOLE_HUB: Final = ("hub", "--no-demo", "--port", "0")
# Every so many cycles it is the hub with its pages, not the supervisor alone.
WHOLE_HUB_EVERY: Final = 10


@dataclass
class Figures:
    """What a storm has seen."""

    seed: str
    agents: int
    verdict: Verdict
    cycles: int = 0
    whole_hubs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    reconvergence: list[float] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    requests: int = 0
    processes: int = 0
    seconds: float = 0.0
    load: float = 0.0

    @property
    def faults(self) -> list[str]:
        """All that should not have been."""
        return [*self.verdict.breaches, *self.late]

    def took(self, seconds: float, last: list[str]) -> None:
        """A reconvergence, and what came true last in it."""
        load = os.getloadavg()[0]
        self.reconvergence.append(seconds)
        self.load = max(self.load, load)
        if seconds > SOON.total_seconds():
            when = f"true only after {seconds:.2f} s, the machine's load being {load}"
            self.late.append(f"{when}: {'; '.join(last)}")

    def table(self) -> str:
        """The figures, a line each."""
        verdict, slowest = self.verdict, max(self.reconvergence, default=0.0)
        middle = statistics.median(self.reconvergence or [0.0])
        rows = [
            ("seed", self.seed),
            ("agents", self.agents),
            ("cycles", self.cycles),
            ("  of them with the whole hub", self.whole_hubs),
            ("hubs killed", self.kills.total()),
            (f"  {AT_ANY_TIME}", self.kills[AT_ANY_TIME]),
            *((f"  when {p.name}", self.kills[p.name]) for p in POINTS),
            ("requests asked", self.requests),
            ("runs made", verdict.runs),
            ("  ended before their program's first word", verdict.without_a_word),
            ("  ended by themselves, code and all", verdict.own_ends),
            ("lines written, on both streams", verdict.lines),
            ("processes seen", self.processes),
            ("twins", verdict.twins),
            ("orphans", verdict.orphans),
            ("lost exit codes", verdict.lost_exit_codes),
            ("lost bytes", verdict.lost_bytes),
            ("broken promises", verdict.broken_promises),
            ("reconvergence, median", f"{middle:.2f} s"),
            ("reconvergence, slowest", f"{slowest:.2f} s"),
            (f"  later than {SOON.total_seconds():g} s", len(self.late)),
            ("duration", f"{self.seconds:.0f} s"),
            ("cores", len(os.sched_getaffinity(0))),
            ("highest load average of the machine", f"{self.load:.1f}"),
        ]
        return "\n".join(f"{name:<46} {value:>12}" for name, value in rows)


class Storm:
    """Cycles over one arena."""

    def __init__(self, arena: Arena, seed: str) -> None:
        self._arena, self._seed = arena, seed
        self._deck: list[Point] = []
        verdict = arena.witness.verdict
        self.figures = Figures(seed, len(arena.fleet), verdict)

    def rage(self, cycles: int, say: Callable[[str], None]) -> Figures:
        """So many cycles; then everything is ended, and all is judged."""
        begun, arena, figures = time.monotonic(), self._arena, self.figures
        try:
            arena.start()
            for number in range(1, cycles + 1):
                known = len(figures.faults)
                self._cycle(number)
                for fault in figures.faults[known:]:
                    say(f"FAULT in cycle {number}: {fault}")
                if number % 10 == 0:
                    say(self._progress(number, time.monotonic() - begun))
        except AssertionError as error:
            # It goes no further, and what was seen until here is still told.
            figures.verdict.note("broken_promises", str(error))
        finally:
            arena.close()
        figures.requests, figures.processes = arena.asked, arena.processes_seen
        figures.seconds = time.monotonic() - begun
        return figures

    def _cycle(self, number: int) -> None:
        """A hub under load dies, and so may its successor; the next makes all true."""
        arena, random = self._arena, Random(f"{self._seed} {number}")
        self._load_until_death(random)
        while random.random() < 0.3:
            self._lull(random)
            arena.start()
            self._load_until_death(random)
        self._lull(random)
        whole = number % WHOLE_HUB_EVERY == 0
        arena.start(WHOLE_HUB if whole else SUPERVISE)
        self.figures.took(arena.converge(), arena.last_untrue)
        arena.judge()
        self.figures.cycles += 1
        self.figures.whole_hubs += whole

    def _load_until_death(self, random: Random) -> None:
        """Ask without pause until the hub has died, at a point or by the clock."""
        arena = self._arena
        point = self._draw(random) if random.random() < 0.7 else None
        begun = time.monotonic()
        end = begun + random.uniform(0.0, 1.5)
        arm_at = begun + random.choice((0.0, random.uniform(0.0, 1.0)))
        if point is not None:
            end = max(end, arm_at) + 2.0  # Time to come to it.
            if point.scene is Scene.ADOPTION:
                self._kill()
                arena.arm(point)
                arena.start()
                arm_at = float("inf")
        while time.monotonic() < end and not arena.hub_is_dead:
            if point is not None and time.monotonic() >= arm_at:
                arena.arm(point, random.randint(1, 3))
                arm_at = float("inf")
            arena.ask(random.choice(ACTIONS), arena.some(random, at_most=8))
            time.sleep(random.uniform(0.0, 0.1))
        self._kill(point)

    def _draw(self, random: Random) -> Point:
        """The next point: all of them in turn, in an order of chance."""
        if not self._deck:
            self._deck = random.sample(POINTS, len(POINTS))
        return self._deck.pop()

    def _kill(self, armed: Point | None = None) -> None:
        """See that the hub is dead, and count where it died."""
        by_itself = self._arena.hub_is_dead
        self._arena.kill()
        at_point = armed is not None and self._arena.fired
        if by_itself and not at_point:
            self.figures.verdict.note("broken_promises", "a hub has ended by itself")
        where = armed.name if armed is not None and at_point else AT_ANY_TIME
        self.figures.kills[where] += 1

    def _lull(self, random: Random) -> None:
        """For a while there is no hub; people and programs do not mind."""
        if random.random() < 0.5:
            arena = self._arena
            arena.ask(random.choice(ACTIONS), arena.some(random, at_most=8))
            time.sleep(random.uniform(0.0, 1.5))

    def _progress(self, number: int, seconds: float) -> str:
        figures, verdict = self.figures, self.figures.verdict
        return (
            f"{seconds:4.0f} s  cycle {number}: {figures.kills.total()} hubs killed, "
            f"{verdict.runs} runs judged, twins {verdict.twins}, "
            f"orphans {verdict.orphans}, lost codes {verdict.lost_exit_codes}, "
            f"lost bytes {verdict.lost_bytes}, "
            f"slowest {max(figures.reconvergence):.2f} s"
        )

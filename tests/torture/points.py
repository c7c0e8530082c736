"""The named points at which a hub is killed: where each is, and what it means.

A point is a place in a product function: before it is entered, after it has
returned, or just before the COMMIT of the transaction it makes. The product knows
nothing of them; `hub.py` wraps the functions in the process that is to die.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agents.policy.states import Desired, Status
from agents.services.recording import Step


class When(StrEnum):
    """Where in the function."""

    BEFORE = "before"
    COMMIT = "before the commit of"
    AFTER = "after"


class Scene(StrEnum):
    """What is going on when the hub comes to the point."""

    START = "stopped agents are started"
    STOP = "running agents are stopped"
    RESTART = "running agents are restarted"
    KILL = "running agents are killed"
    EXIT = "agents end by themselves"
    ADOPTION = "a killed hub's agents are adopted"


# Whether a passage counts, from the function's arguments and (after it) its result.
Concern = Callable[[tuple[Any, ...], Any], bool]


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `name` completes "killed when …"; `target` is `module:function`.

    `passage`: which one is the last.
    """

    name: str
    scene: Scene
    when: When
    target: str
    concerns: Concern = lambda arguments, result: True
    passage: int = 1


def steps(matches: Callable[[Step], bool]) -> Concern:
    """For `recording.record`: any of its steps matches."""
    return lambda arguments, result: any(matches(step) for step in arguments[0])


def wants(desired: Desired) -> Concern:
    """For `Store.news`: an open wish for this is among what was read."""

    def concerns(arguments: tuple[Any, ...], result: Any) -> bool:
        if desired is Desired.STOPPED and result.stops:
            return True
        return any(
            record.wanted.desired is desired
            and record.wanted.generation > record.seen.generation
            for record in result.records
        )

    return concerns


def _writes(step: Step, column: str) -> bool:
    return any(column in change.values for change in step.run_changes)


def opens(step: Step) -> bool:
    """A run is begun."""
    return step.opened is not None


def restarts(step: Step) -> bool:
    """A run is begun because the one before has ended by itself."""
    return step.opened is not None and step.opened.restart_number > 0


def names_process(step: Step) -> bool:
    """A run that this hub spawned gets its pid."""
    return _writes(step, "pid") and not _writes(step, "adopted")


def adopts(step: Step) -> bool:
    """A living run of an earlier hub is taken over."""
    return _writes(step, "adopted")


def runs(step: Step) -> bool:
    """The program is seen to be executed."""
    return step.after.status is Status.RUNNING and step.before is not Status.RUNNING


def settles(step: Step) -> bool:
    """A request to run gets its outcome, its run having proved itself."""
    return step.settled is not None and step.after.status is Status.RUNNING


def climbs(step: Step) -> bool:
    """A rung of the stop ladder is written down."""
    return _writes(step, "stop_rung")


def asks(step: Step) -> bool:
    """It is the polite rung."""
    return any(c.values.get("stop_rung") == "ask" for c in step.run_changes)


def kills(step: Step) -> bool:
    """It is the rung that kills."""
    return any(c.values.get("stop_rung") == "kill" for c in step.run_changes)


def leaves_survivors(step: Step) -> bool:
    """A leader has ended, and others of its tree live."""
    return _writes(step, "exited_at") and not _writes(step, "ended_at")


def closes(step: Step) -> bool:
    """A run is over: its tree is empty."""
    return _writes(step, "ended_at")


RECORD: Final = "agents.services.recording:record"
NEWS: Final = "agents.supervisor.store:Store.news"
PREPARE: Final = "agents.supervisor.handiwork:prepare"
SPAWN: Final = "agents.supervisor.process.spawn:spawn"
SPAWN_ALL: Final = "agents.supervisor.handiwork:spawn_all"
EXIT_FILE: Final = "agents.supervisor.process.exit_file:prepare"
AFTER_POPEN: Final = "agents.supervisor.process.spawn:look_at"
GROUP: Final = "agents.supervisor.process.signals:send_to_group"
SEND: Final = "agents.supervisor.process.signals:send"
KILL_TREES: Final = "agents.supervisor.handiwork:kill_trees"
REAP: Final = "agents.supervisor.process.reaping:reap"
LOOK_AFTER: Final = "agents.supervisor.handiwork:look_after"
TAKE: Final = "agents.services.nodes:take"
LOAD: Final = "agents.supervisor.store:Store.load"
FIND: Final = "agents.supervisor.handiwork:find"
FORGOTTEN: Final = "agents.supervisor.store:settle_forgotten"

START, STOP, RESTART = Scene.START, Scene.STOP, Scene.RESTART
KILL, EXIT, ADOPTION = Scene.KILL, Scene.EXIT, Scene.ADOPTION
BEFORE, COMMIT, AFTER = When.BEFORE, When.COMMIT, When.AFTER


def _saw_end(arguments: tuple[Any, ...], result: Any) -> bool:
    return any(sight.ended is not None for sight in result)


def _reaped(arguments: tuple[Any, ...], result: Any) -> bool:
    return result is not None


POINTS: Final = (
    # Between "request written" and "run recorded"
    Point("a wish to run is read", START, AFTER, NEWS, wants(Desired.RUNNING)),
    Point("it is about to look at the command", START, BEFORE, PREPARE),
    Point("it has looked at the command", START, AFTER, PREPARE),
    Point("the run is written, not committed", START, COMMIT, RECORD, steps(opens)),
    Point("the run is committed, not spawned", START, AFTER, RECORD, steps(opens)),
    Point("the first of many is about to be spawned", START, BEFORE, SPAWN),
    Point("the exit file is made, nothing spawned", START, AFTER, EXIT_FILE),
    Point("the program is spawned, unknown to all", START, BEFORE, AFTER_POPEN),
    Point("the first of many is spawned", START, AFTER, SPAWN),
    Point("the third of many is spawned", START, AFTER, SPAWN, passage=3),
    Point("all are spawned, none is recorded", START, AFTER, SPAWN_ALL),
    Point("the pid is not committed", START, COMMIT, RECORD, steps(names_process)),
    Point("the pid is committed", START, AFTER, RECORD, steps(names_process)),
    Point("running is not committed", START, COMMIT, RECORD, steps(runs)),
    Point("running is committed, unproved", START, AFTER, RECORD, steps(runs)),
    Point("the outcome is not committed", START, COMMIT, RECORD, steps(settles)),
    Point("the outcome is committed", START, AFTER, RECORD, steps(settles)),
    # Between "stop asked" and "stopped recorded"
    Point("a wish to stop is read", STOP, AFTER, NEWS, wants(Desired.STOPPED)),
    Point("asking to end is not committed", STOP, COMMIT, RECORD, steps(asks)),
    Point("asking to end is committed", STOP, AFTER, RECORD, steps(asks)),
    Point("the first of many is about to be asked", STOP, BEFORE, GROUP),
    Point("the first of many was asked to end", STOP, AFTER, GROUP),
    Point("the third of many was asked to end", STOP, AFTER, GROUP, passage=3),
    Point("a leader that was stopped is reaped", STOP, AFTER, REAP, _reaped),
    Point("the end of a stopped one is seen", STOP, AFTER, LOOK_AFTER, _saw_end),
    Point("survivors are not committed", STOP, COMMIT, RECORD, steps(leaves_survivors)),
    Point("survivors are committed", STOP, AFTER, RECORD, steps(leaves_survivors)),
    Point("killing is not committed", STOP, COMMIT, RECORD, steps(kills)),
    Point("killing is committed, not done", STOP, AFTER, RECORD, steps(kills)),
    Point("a tree is about to be killed", STOP, BEFORE, KILL_TREES),
    Point("a tree was killed", STOP, AFTER, KILL_TREES),
    Point("stopped is not committed", STOP, COMMIT, RECORD, steps(closes)),
    Point("stopped is committed", STOP, AFTER, RECORD, steps(closes)),
    # Restarts and kills: the same ladder, other ends
    Point("a restart asks to end", RESTART, AFTER, RECORD, steps(climbs)),
    Point("a restart's old run is not closed", RESTART, COMMIT, RECORD, steps(closes)),
    Point("a restart's old run is closed", RESTART, AFTER, RECORD, steps(closes)),
    Point("a restart's new run is committed", RESTART, AFTER, RECORD, steps(opens)),
    Point("a restart's new run is spawned", RESTART, AFTER, SPAWN),
    Point("a commanded kill is committed", KILL, AFTER, RECORD, steps(kills)),
    Point("half of a tree is killed", KILL, AFTER, SEND),
    Point("the killed leader is reaped", KILL, AFTER, REAP, _reaped),
    # A hub that dies while it takes over from one that died
    Point("the node is about to be taken", ADOPTION, BEFORE, TAKE),
    Point("the node is taken", ADOPTION, AFTER, TAKE),
    Point("all rows are loaded", ADOPTION, AFTER, LOAD),
    Point("all processes are found", ADOPTION, AFTER, FIND),
    Point("the adoption is not committed", ADOPTION, COMMIT, RECORD, steps(adopts)),
    Point("the adoption is committed", ADOPTION, AFTER, RECORD, steps(adopts)),
    Point("forgotten requests are settled", ADOPTION, AFTER, FORGOTTEN),
    # Ends that nobody asked for
    Point("an exit is reaped, not recorded", EXIT, AFTER, REAP, _reaped),
    Point("an exit is not committed", EXIT, COMMIT, RECORD, steps(closes)),
    Point("an exit is committed", EXIT, AFTER, RECORD, steps(closes)),
    Point("an automatic restart is committed", EXIT, AFTER, RECORD, steps(restarts)),
)

BY_NAME: Final = {point.name: point for point in POINTS}

# Of the process that asks, beside a hub that lives: not among the above.
ASK: Final = "agents.services.lifecycle:ask"
BELL: Final = "agents.services.bell:ring"
ASKERS: Final = (
    Point("a wish is not committed", START, COMMIT, ASK),
    Point("a wish is committed and nobody is told", START, BEFORE, BELL),
)

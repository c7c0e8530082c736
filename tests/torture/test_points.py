"""A hub is killed at each named point; the next one finds and does what is right."""

from __future__ import annotations

from itertools import zip_longest

import pytest

from agents.models import Agent
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Status
from tests.harness.waiting import until
from tests.torture.arena import Arena
from tests.torture.invariants import SOON
from tests.torture.points import ASKERS, POINTS, Point, Scene, When


def killed_when(point: Point) -> str:
    return f"killed when {point.name}"


@pytest.fixture
def supervised(arena: Arena) -> Arena:
    """With a living hub, whatever an earlier test has left."""
    if arena.hub_is_dead:
        arena.have_a_hub()
        arena.converge()
    return arena


def set_the_scene(arena: Arena, scene: Scene) -> None:
    """Everything is as it is just before; asked only where it is not so yet."""
    mortal = scene is Scene.EXIT
    action = Action.KILL if scene in (Scene.START, Scene.EXIT) else Action.START
    wanted = Status.STOPPED if action is Action.KILL else Status.RUNNING
    others = Agent.objects.filter(pk__in=arena.kinds(mortal=mortal)).exclude(
        status=wanted, desired_state=action.desired
    )
    if unlike := list(others.values_list("pk", flat=True)):
        arena.settle(action, unlike)


def in_turn() -> list[Point]:
    """All points; starts and stops alternate, so that one sets the next one's scene."""
    starts = [point for point in POINTS if point.scene is Scene.START]
    stops = [point for point in POINTS if point.scene in (Scene.STOP, Scene.KILL)]
    pairs = [p for pair in zip_longest(starts, stops) for p in pair if p is not None]
    return pairs + [point for point in POINTS if point not in pairs]


@pytest.mark.parametrize("point", in_turn(), ids=killed_when)
def test_nothing_is_lost_by_a_hub_that_is(supervised: Arena, point: Point) -> None:
    arena = supervised
    before = len(arena.witness.verdict.breaches)
    set_the_scene(arena, point.scene)
    if point.scene is Scene.ADOPTION:
        arena.kill()
    arena.arm(point)
    act(arena, point.scene)
    arena.wait_for_death()
    arena.start()
    took = arena.converge()
    arena.judge()
    assert arena.witness.verdict.breaches[before:] == []
    assert took <= SOON.total_seconds()


def act(arena: Arena, scene: Scene) -> None:
    """Make the hub come to a point of the scene."""
    match scene:
        case Scene.START:
            arena.ask(Action.START, arena.kinds(mortal=False))
        case Scene.STOP:
            arena.ask(Action.STOP)
        case Scene.RESTART:
            arena.ask(Action.RESTART, arena.kinds(mortal=False))
        case Scene.KILL:
            arena.ask(Action.KILL)
        case Scene.EXIT:
            arena.ask(Action.START, arena.kinds(mortal=True))
        case Scene.ADOPTION:
            arena.start()


def dies(arena: Arena, *arguments: str) -> None:
    """Run `manage.py agents …` until it is dead."""
    command = arena.nursery.run("agents", *arguments)
    until(lambda: not command.lives, what="the command's end")
    command.kill()
    assert arena.fired


@pytest.mark.parametrize("point", ASKERS, ids=killed_when)
def test_a_wish_is_recorded_whole_or_not_at_all_by_a_command_that_is(
    supervised: Arena, point: Point
) -> None:
    arena = supervised
    set_the_scene(arena, Scene.START)
    immortal = Agent.objects.filter(pk__in=arena.kinds(mortal=False))
    generations = {agent.pk: agent.generation for agent in immortal}
    names = [agent.name for agent in immortal]
    arena.arm(point)
    dies(arena, "start", *names)
    recorded = point.when is not When.COMMIT
    arena.converge(since=boot_seconds())
    for agent in immortal.all():
        assert agent.generation == generations[agent.pk] + recorded
        assert agent.status == (Status.RUNNING if recorded else Status.STOPPED)


@pytest.mark.parametrize(
    "point", [p for p in POINTS if p.scene is Scene.KILL], ids=killed_when
)
def test_a_hub_finishes_what_was_begun_by_a_command_that_is(
    supervised: Arena, point: Point
) -> None:
    """`agents kill` supervises in passing where there is no hub, and may die too."""
    arena = supervised
    set_the_scene(arena, Scene.KILL)
    arena.kill()
    before = len(arena.witness.verdict.breaches)
    arena.arm(point)
    dies(arena, "kill", "--all", "--wait", "10")
    arena.start()
    assert arena.converge() <= SOON.total_seconds()
    arena.judge()
    assert arena.witness.verdict.breaches[before:] == []
    assert not Agent.objects.exclude(status=Status.STOPPED).exists()

"""Supervising in passing, as `agents stop` does where no hub runs."""

from __future__ import annotations

import os

import pytest

from agents.models import Request
from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services.presence import is_held
from agents.supervisor import solo
from agents.supervisor.lock import Held
from tests.harness.supervisor import TEST, Cast, Supervisor


def test_settling_in_passing_stops_the_named_ones_only(
    supervisor: Supervisor, cast: Cast
) -> None:
    named, other = cast("daemon").start_ready(), cast("wait", name="other").start()
    supervisor.close()
    lifecycle.ask(Action.STOP, [named.row.pk], TEST)
    assert solo.settle("local", [named.row.pk], 10)
    assert named.look().status == Status.STOPPED
    assert named.alive() == []
    assert len(other.alive()) == 1
    assert not is_held("local")


def test_settling_in_passing_gives_up_in_time(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("stubborn", stop_grace=60).start_ready()
    supervisor.close()
    lifecycle.ask(Action.STOP, [agent.row.pk], TEST)
    assert not solo.settle("local", [agent.row.pk], 0.5)
    assert agent.look().status == Status.STOPPING
    assert agent.alive()
    assert Request.objects.get(action="stop").outcome == ""


def test_settling_in_passing_is_refused_beside_a_supervisor(
    supervisor: Supervisor, cast: Cast
) -> None:
    agent = cast("wait")
    with pytest.raises(Held, match=f"process {os.getpid()}"):
        solo.settle("local", [agent.row.pk], 1)

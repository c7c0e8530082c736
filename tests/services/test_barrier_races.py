"""Arrival and death at once, each in a process of its own, on one SQLite database."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.hub import MANAGE, ROOT, HubProcess

ROUNDS = 30
# Each round has a pair of agents; who does what in it at the same moment.
SETUP = """
import uuid
from agents.models import Agent
from agents.services import barriers
from tests.harness.recorded import run_of
pairs = []
for number in range(ROUNDS):
    names = [f"web{number}", f"api{number}"]
    agents = [Agent.objects.create(name=name, command=["x"]) for name in names]
    barriers.make(f"meet{number}", names, by="a test")
    pairs.append([[one.pk, run_of(one).pk.hex] for one in agents])
import json
print(json.dumps(pairs))
"""
PART = """
import json, random, sys, time, uuid
from agents.models import Run
from agents.policy.states import Status
from agents.services import barriers
from tests.harness.recorded import end_of
def arrive(number, agent):
    try:
        barriers.arrive(f"meet{number}", agent[0], uuid.UUID(agent[1]))
    except barriers.NotExpected:
        pass
def web(number, pair): arrive(number, pair[0])
def api(number, pair): arrive(number, pair[1])
def death(number, pair):
    run = Run.objects.get(pk=uuid.UUID(pair[1][1]))
    end_of(run, Status.CRASHED, 1, "exit code 1")
for number, pair in enumerate(json.loads(PAIRS)):
    print("ready", flush=True)
    moment = float(sys.stdin.readline()) + random.random() * 0.02
    time.sleep(max(0.0, moment - time.monotonic()))
    PLAY(number, pair)
"""
RESULT = """
import json
from agents.services import barriers
told = [barriers.standing(f"meet{number}") for number in range(ROUNDS)]
print(json.dumps([[one.state, len(one.arrived), one.reason] for one in told]))
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[HubProcess]:
    """A data directory without a hub."""
    hub = HubProcess(tmp_path)
    assert hub.manage("migrate", "--verbosity", "0").returncode == 0
    yield hub


def shell(hub: HubProcess, code: str) -> str:
    done = hub.manage("shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def part(hub: HubProcess, play: str, pairs: str) -> subprocess.Popen[str]:
    code = PART.replace("PAIRS", repr(pairs)).replace("PLAY", play)
    return subprocess.Popen(
        [sys.executable, str(MANAGE), "shell", "--verbosity", "0", "-c", code],
        cwd=ROOT,
        env=hub.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline()


def test_arrival_and_death_at_once_leave_nobody_waiting_for_the_dead(
    database: HubProcess,
) -> None:
    pairs = shell(database, SETUP.replace("ROUNDS", str(ROUNDS)))
    parts = [part(database, play, pairs) for play in ("web", "api", "death")]
    for _ in range(ROUNDS):
        # Nobody is told to begin before all have done the round before.
        assert {said(one) for one in parts} == {"ready\n"}
        begin = f"{time.monotonic() + 0.01}\n"
        for one in parts:
            assert one.stdin is not None
            one.stdin.write(begin)
            one.stdin.flush()
    for one in parts:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    told = json.loads(shell(database, RESULT.replace("ROUNDS", str(ROUNDS))))
    wrong = [
        one
        for number, one in enumerate(told)
        if one
        not in (
            ["tripped", 2, "all have arrived"],
            ["broken", one[1], f"api{number} ended before it arrived: exit code 1"],
        )
    ]
    assert wrong == []
    # Both have happened, so they did meet.
    assert {state for state, _, _ in told} == {"tripped", "broken"}

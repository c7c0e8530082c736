"""Many agents write the same files, in several processes, and half of them are killed.

Afterwards the files are as if the tasks had written one after the other: each write
read what was there and added its own name, so one that was trampled would be missing,
and two that overlapped would stand in another order in each file.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from agents.models import Agent, LockClaim, Run, Task
from agents.policy.states import Action, Status
from agents.services import lifecycle
from tests.harness.native import Native, Work, native
from tests.harness.node import NodeProcess
from tests.harness.processes import kill_marked, marked
from tests.harness.supervisor import TEST, Cast
from tests.harness.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


TASKS, AGENTS, NODES = 50, 8, 4
FILES = [f"d{directory}/f{number}" for directory in range(4) for number in range(5)]


@dataclass
class Job:
    """A task, and the files that it writes one after the other."""

    number: int
    files: list[str]
    work: Work


class House:
    """Agents of several nodes, at work in one directory."""

    def __init__(self, cast: Cast, folder: Path) -> None:
        self.folder = folder
        for file in FILES:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        (folder / "half").mkdir()
        self.nodes = [
            NodeProcess(f"node-{n}", folder.parent / f"node-{n}.log")
            for n in range(NODES)
        ]
        self.agents = [
            native(
                cast,
                f"agent-{n}",
                workspace=str(folder),
                allow_commands=True,
            )
            for n in range(AGENTS)
        ]
        for n, agent in enumerate(self.agents):
            # The set-up knows one node so far.
            Agent.objects.filter(pk=agent.row.pk).update(node=f"node-{n % NODES}")
            agent.ask(Action.START)

    def give_work(self, random: Random) -> list[Job]:
        return [self._give(number, random) for number in range(TASKS)]

    def _give(self, number: int, random: Random) -> Job:
        files = random.sample(FILES, random.randint(2, 4))
        agent: Native = random.choice(self.agents)
        # Some declare what they write, some more than that, some both.
        paths = [random.choice([file, file, f"{file[:2]}/**"]) for file in files]
        lines = [
            "/call run_command " + json.dumps({"command": self._write(number, file)})
            for file in files
        ]
        return Job(number, files, agent.do("\n/say next\n".join(lines), paths=paths))

    def _write(self, number: int, file: str) -> str:
        half = f"half/{number}-$$"
        return (
            f"old=$(cat {file}); sleep 0.05; "
            f'echo "$old {number}:$AGENTHUB_RUN" > {half} && mv {half} {file}'
        )

    def written(self) -> dict[str, list[str]]:
        """By file, which task of which run has written, in order."""
        return {file: (self.folder / file).read_text().split() for file in FILES}

    def close(self) -> None:
        """Stop all agents and nodes; nothing is left of either."""
        for node in self.nodes:
            if not node.running:
                node.start()
        lifecycle.ask(Action.STOP, [agent.row.pk for agent in self.agents], TEST)
        try:
            alive = Agent.objects.exclude(status=Status.STOPPED)
            until(lambda: not alive.exists(), timeout=30, what="all to be stopped")
        finally:
            codes = [node.stop() for node in self.nodes]
            left = kill_marked(list(Run.objects.values_list("id", flat=True)))
        assert (codes, left) == ([0] * len(codes), {})


@pytest.fixture
def house(
    cast: Cast, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[House]:
    folder = tmp_path / "shared"
    folder.mkdir()
    house = House(cast, folder)
    try:
        for node in house.nodes:
            node.start()
        yield house
    finally:
        house.close()


def ended() -> int:
    return Task.objects.exclude(ended_at=None).count()


def kill_half(house: House) -> None:
    """Half of the processes, with all their agents, while these write."""
    victims = house.nodes[::2]
    names = {node.name for node in victims}
    theirs = Task.objects.filter(state="running", agent__node__in=names)
    until(
        lambda: ended() >= TASKS // 5 and theirs.count() >= len(victims),
        timeout=60,
        what="some tasks to have ended and others to be at work",
    )
    for node in victims:
        node.kill9()
    held = LockClaim.objects.filter(state="held", agent__node__in=names)
    before = set(held.values_list("pk", flat=True))
    done = ended()
    others = Task.objects.filter(state="running").exclude(agent__node__in=names)
    until(
        lambda: ended() > done or not others.exists(),
        timeout=60,
        what="the others to go on, or to wait",
    )
    # Nobody knows whether the dead still write: what they have stays theirs.
    assert set(held.values_list("pk", flat=True)) == before != set()
    for node in victims:
        node.start()


@pytest.mark.full
def test_files_are_as_if_written_one_task_after_the_other_though_half_were_killed(
    house: House,
) -> None:
    jobs = house.give_work(Random(20))
    kill_half(house)
    for job in jobs:
        job.work.wait_for("succeeded", timeout=120)
    assert not LockClaim.objects.exclude(state="ended").exists()
    assert marked(list(Run.objects.values_list("id", flat=True))) == {}
    written = house.written()
    check_writes(jobs, written)
    check_order(written)


def check_writes(jobs: list[Job], written: dict[str, list[str]]) -> None:
    """Nobody's write is missing, but that of a command that was killed with its hub."""
    cut_off = 0
    for job in jobs:
        results = job.work.results()
        assert len(results) == len(job.files)
        for file, result in zip(job.files, results, strict=True):
            names = [name.split(":")[0] for name in written[file]]
            times = names.count(str(job.number))
            assert times <= 1, f"task {job.number} wrote {file} {times} times"
            told = f"{job.number} in {file} is lost: {result}, {written}"
            assert times == 1 or result["interrupted"], told
            cut_off += result["interrupted"]
    written_at_all = sum(len(names) for names in written.values())
    assert written_at_all >= sum(len(job.files) for job in jobs) - cut_off


def check_order(written: dict[str, list[str]]) -> None:
    """What each run of a task wrote is one piece: there is an order of these pieces
    that gives the files as they are."""
    before: dict[str, set[str]] = {}
    for names in written.values():
        for earlier, later in pairwise(names):
            before.setdefault(later, set()).add(earlier)
        for name in names:
            before.setdefault(name, set())
    # Raises CycleError where there is none.
    order = list(TopologicalSorter(before).static_order())
    replayed = {
        file: [name for name in order if name in names]
        for file, names in written.items()
    }
    assert replayed == written
    runs = {uuid.UUID(name.split(":")[1]) for name in order}
    assert Run.objects.filter(pk__in=runs).count() == len(runs)

"""A hub that is killed at each step of a task: it goes on, and does nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from agents.models import Usage
from agents.policy.states import Action
from tests.harness.native import Native, Work, native
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

ROOT: Final = Path(__file__).parents[2]
# Which points, and which passage of one is a hub's last.
POINTS: Final = [
    ("after commit", 1),
    ("before commit", 2),
    ("after tool", 1),
    ("before tool", 2),
]


class Mortals:
    """One supervisor after the other; each dies at the armed point, or lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.deaths = 0
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, point: str, passage: int) -> None:
        (self.folder / "armed").write_text(f"{passage} {point}")
        self.go_on()

    def go_on(self) -> None:
        environment = {
            **os.environ,
            "AGENTHUB_DATA_DIR": str(settings.AGENTHUB_DATA_DIR),
            "DATABASE_URL": f"sqlite:///{settings.DATABASES['default']['NAME']}",
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
        }
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.execution.mortal", str(self.folder)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def mortals(tmp_path: Path) -> Iterator[Mortals]:
    folder = tmp_path / "mortals"
    folder.mkdir()
    mortals = Mortals(folder)
    try:
        yield mortals
    finally:
        mortals.close()


def script(turns: int) -> str:
    """Each turn adds a line to the log; one that is done twice would add two."""
    lines = [
        "/call edit_file "
        + json.dumps({"path": "log", "old_text": "end", "new_text": f"{number}\nend"})
        for number in range(turns)
    ]
    return "\n/say next\n".join(lines) + "\n/say The end."


def die_on(mortals: Mortals, work: Work, point: str, passage: int) -> None:
    """Hub after hub, until one of them finishes the task."""
    for _ in range(200):
        if work.look().state == "succeeded":
            return
        mortals.begin(point, passage)
        until(
            lambda: mortals.dead or work.look().state == "succeeded",
            timeout=30,
            what="a death or the end",
        )
        mortals.deaths += mortals.dead
    raise AssertionError("The task does not come to its end.")


def check(agent: Native, work: Work, turns: int) -> None:
    row = work.look()
    assert row.attempts == 1, "a hub's end is not the task's failure"
    assert row.result.endswith("The end.")
    calls = [
        call["call"]
        for step in work.steps()
        if step.kind == "answer"
        for call in step.data["calls"]
    ]
    results = work.results()
    assert [one["call"] for one in results] == calls, "each call has one result"
    assert len(calls) == turns
    # Whoever dies between writing down a call and making it leaves none.
    lines = (agent.workspace / "log").read_text().split()
    for number, one in enumerate(results):
        times = lines.count(str(number))
        assert times <= 1, f"call {number} was done {times} times"
        assert times == 1 or one["interrupted"], f"call {number} got lost"
    answers = [step.number for step in work.steps() if step.kind == "answer"]
    usage = Usage.objects.filter(task=row)
    booked = usage.order_by("step").values_list("step", flat=True)
    assert list(booked) == answers, "booked once"
    assert row.output == sum(one.output for one in usage)


def killed_at_each_step(
    mortals: Mortals,
    idle: Supervisor,
    cast: Cast,
    point: str,
    passage: int,
    turns: int,
) -> None:
    agent = native(cast)
    (agent.workspace / "log").write_text("end\n")
    agent.ask(Action.START)
    work = agent.do(script(turns))
    die_on(mortals, work, point, passage)
    mortals.close()
    assert mortals.deaths >= turns // passage
    check(agent, work, turns)


@pytest.mark.parametrize(("point", "passage"), POINTS)
def test_a_short_task_outlives_a_hub_at_each_step(
    mortals: Mortals, idle: Supervisor, cast: Cast, point: str, passage: int
) -> None:
    killed_at_each_step(mortals, idle, cast, point, passage, turns=2)


@pytest.mark.full
@pytest.mark.parametrize(("point", "passage"), POINTS)
def test_a_task_of_ten_turns_outlives_a_hub_at_each_step(
    mortals: Mortals, idle: Supervisor, cast: Cast, point: str, passage: int
) -> None:
    killed_at_each_step(mortals, idle, cast, point, passage, turns=10)

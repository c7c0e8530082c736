"""The witness of the torture is not blind: each thing it looks for is planted once."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.db.models import Model
from django.utils import timezone

from agents.models import Agent, Request, Run, StatusChange
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Desired, Outcome, Status
from tests.harness.processes import program
from tests.harness.waiting import until
from tests.torture.arena import Arena
from tests.torture.fleet import diaries, notes, read_page
from tests.torture.invariants import SOON, Verdict, Witness

Change = Callable[..., None]


@pytest.fixture(scope="module")
def frozen(arena: Arena) -> Arena:
    """All that can run runs, mortals have ended, and no hub changes a thing."""
    arena.start()
    arena.settle(Action.START)
    once = Agent.objects.get(name__startswith="once-")
    until(lambda: Run.objects.exclude(ended_at=None).filter(agent=once), what="an end")
    arena.converge()
    arena.kill()
    return arena


@pytest.fixture
def witness(frozen: Arena) -> Witness:
    """One that has seen nothing yet."""
    return Witness(frozen.folder, frozen.folder / "data", frozen.fleet)


@pytest.fixture
def change() -> Iterator[Change]:
    """Change a row for one test, past every service."""
    undo = []

    def update(row: Agent | Run | Request | StatusChange, **values: object) -> None:
        model: type[Model] = type(row)
        rows = model._default_manager.filter(pk=row.pk)
        undo.append((rows, {name: getattr(row, name) for name in values}))
        rows.update(**values)

    yield update
    for rows, old in undo:
        rows.update(**old)


def agent(temperament: str) -> Agent:
    return Agent.objects.get(name__startswith=f"{temperament}-")


def counts(verdict: Verdict) -> dict[str, int]:
    """Those that are not 0."""
    found = {
        name: getattr(verdict, name)
        for name in ("twins", "orphans", "lost_exit_codes", "lost_bytes")
    }
    return {name: count for name, count in found.items() if count}


def fault(witness: Witness, temperament: str) -> str:
    """What it says of one agent."""
    return witness.untrue()[agent(temperament).pk]


def ended_run() -> Run:
    """One that has ended by itself."""
    return Run.objects.filter(agent=agent("once")).exclude(ended_at=None)[0]


def test_a_fleet_in_order_is_called_so(frozen: Arena, witness: Witness) -> None:
    witness.judge_processes()
    witness.judge_history()
    witness.judge_changes()
    assert witness.verdict.breaches == []
    assert witness.verdict.runs >= 1


@pytest.mark.parametrize("code", [None, 99])
def test_an_exit_code_that_was_not_recorded_is_missed(
    witness: Witness, change: Change, code: int | None
) -> None:
    change(ended_run(), exit_code=code)
    witness.judge_history()
    assert counts(witness.verdict) == {"lost_exit_codes": 1}


@pytest.mark.parametrize("stream", ["out", "err"])
def test_a_line_that_is_gone_is_missed(
    frozen: Arena, witness: Witness, stream: str
) -> None:
    path = frozen.folder / "data" / "runs" / ended_run().folder / stream
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"line 1\n", b""))
    try:
        witness.judge_history()
    finally:
        path.write_bytes(whole)
    assert counts(witness.verdict) == {"lost_bytes": len(b"line 1\n")}


def test_the_last_line_is_missed_too(frozen: Arena, witness: Witness) -> None:
    run = ended_run()
    page = read_page(frozen.folder, run.agent_name, str(run.pk))
    assert page is not None
    path = frozen.folder / "data" / "runs" / run.folder / "out"
    whole, last = path.read_bytes(), f"line {page.lines}\n".encode()
    assert whole.endswith(last)
    path.write_bytes(whole.removesuffix(last))
    try:
        witness.judge_history()
    finally:
        path.write_bytes(whole)
    assert counts(witness.verdict) == {"lost_bytes": len(last)}


def test_what_is_left_of_a_closed_run_is_an_orphan_escaped_daemons_included(
    witness: Witness, change: Change
) -> None:
    run = agent("daemon").run
    assert run is not None
    change(run, ended_at=timezone.now())
    witness.judge_processes()
    assert counts(witness.verdict) == {"orphans": 3}
    assert any(" hidden " in words for words in witness.verdict.breaches)


def test_a_second_incarnation_is_a_twin_and_notes_so_itself(
    frozen: Arena, witness: Witness
) -> None:
    name = agent("plain").name
    folder = diaries(frozen.folder) / name
    twin = subprocess.Popen(
        program("diarist", str(folder), "seed", "1"),
        env={
            "MARKER": f"{folder}.notes",
            "AGENTHUB_AGENT": name,
            "AGENTHUB_RUN": str(uuid.uuid4()),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: f"twin {twin.pid}" in notes(frozen.folder, name), what="its note")
        witness.judge_processes()
        assert counts(witness.verdict) == {"twins": 1, "orphans": 1}
    finally:
        twin.kill()
        twin.wait()
    witness.judge_history()
    assert counts(witness.verdict) == {"twins": 2, "orphans": 1}
    path = diaries(frozen.folder) / f"{name}.notes"
    kept = [line for line in notes(frozen.folder, name) if str(twin.pid) not in line]
    path.write_text("".join(f"{line}\n" for line in kept))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"status": Status.STOPPED}, "stopped, and {"),
        ({"status": Status.STARTING}, "still starting"),
        ({"pid": 1}, "running as 1; there is"),
        ({"desired_state": Desired.STOPPED}, "and shall be stopped"),
        ({"observed_generation": 0}, "generation 0 of"),
    ],
)
def test_a_status_that_is_not_true_is_seen(
    witness: Witness, change: Change, values: dict[str, object], words: str
) -> None:
    change(agent("family"), **values)
    assert words in fault(witness, "family")


def test_a_mortal_between_two_lives_is_in_order_but_not_for_long(
    witness: Witness, change: Change
) -> None:
    flapping = agent("flapping")
    change(flapping, status=Status.STARTING, status_since=timezone.now())
    assert flapping.pk not in witness.untrue()
    change(flapping, status_since=timezone.now() - SOON)
    assert "still starting" in fault(witness, "flapping")


def test_a_request_without_outcome_is_seen(witness: Witness, change: Change) -> None:
    request = Request.objects.filter(agent=agent("polite")).latest("pk")
    change(request, outcome=Outcome.OPEN, settled_at=None)
    assert "is not settled" in fault(witness, "polite")


def test_a_restart_that_was_not_heeded_is_seen(
    witness: Witness, change: Change
) -> None:
    request = Request.objects.filter(agent=agent("polite")).latest("pk")
    change(request, action=Action.RESTART)
    change(agent("polite"), wanted_boot_seconds=boot_seconds())
    assert "is done, and the run is older" in fault(witness, "polite")


def test_a_promise_that_was_broken_without_need_is_seen(
    witness: Witness, change: Change
) -> None:
    request = Request.objects.filter(agent=agent("polite")).latest("pk")
    change(request, outcome=Outcome.FAILED)
    witness.judge_history()
    assert witness.verdict.broken_promises == 1


def test_a_gap_in_the_history_of_statuses_is_seen(
    witness: Witness, change: Change
) -> None:
    change(StatusChange.objects.filter(agent=agent("plain")).earliest("pk"), agent=None)
    witness.judge_changes()
    [words] = witness.verdict.breaches
    assert "departs from" in words

"""What has to be true of a fleet, judged by the tables, /proc and the diaries.

Beside a hub that lives: wanted = observed, sooner or later. At every instant,
whatever hub was killed: no twin, no orphan, no lost exit code, no lost byte.
"""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db.models import F
from django.utils import timezone

from agents.models import Agent, Request, Run, StatusChange
from agents.policy.clock import boot_seconds
from agents.policy.states import Action, Desired, Outcome, Status
from tests.harness.processes import lives
from tests.torture.fleet import Page, Temperament, notes, read_page
from tests.torture.sweep import Found, Seen, attribute, sweep

# Wanted = observed has to come true so soon beside a new supervisor.
SOON: Final = timedelta(seconds=5)
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
TERMINATED, KILLED = 128 + 15, 128 + 9
MOVING: Final = "on the move"
# Of an agent's notes: enough for all processes of its latest runs.
LATEST: Final = 12


@dataclass
class Verdict:
    """Counts of what is lost or too much, and each in words."""

    twins: int = 0
    orphans: int = 0
    lost_exit_codes: int = 0
    lost_bytes: int = 0
    broken_promises: int = 0
    breaches: list[str] = field(default_factory=list)
    runs: int = 0
    without_a_word: int = 0
    own_ends: int = 0
    lines: int = 0

    def note(self, counter: str, words: str, count: int = 1) -> None:
        """One more breach."""
        setattr(self, counter, getattr(self, counter) + count)
        self.breaches.append(words)


@dataclass(frozen=True, slots=True)
class Sight:
    """One agent as the tables have it: its open run, its open and latest wishes."""

    agent: Agent
    open_run: Run | None
    wishes: tuple[Request, ...]

    @property
    def state(self) -> tuple[object, ...]:
        """What must be the same before and after a sweep, for the sweep to count."""
        run = self.open_run and (self.open_run.pk, self.open_run.pid)
        seen = self.agent
        return seen.status, seen.pid, seen.run_id, seen.observed_generation, run


class Witness:
    """Sees one fleet through all its hubs; what it has found is in `verdict`."""

    def __init__(
        self, root: Path, data: Path, fleet: Mapping[int, Temperament]
    ) -> None:
        self.verdict = Verdict()
        self._root, self._data, self._fleet = root, data, fleet
        self._judged: set[uuid.UUID] = set()
        self._reported: set[object] = set()

    # -- wanted = observed --

    def untrue(self) -> dict[int, str]:
        """What is not as wanted, or not as the tables say it is, agent by agent.

        What moved during the sweep is looked at again at once, and alone: one look
        at all processes takes long enough for a mortal to come and go.
        """
        faults = self._look(self._fleet)
        for pk in [pk for pk, fault in faults.items() if fault == MOVING]:
            del faults[pk]
            faults |= self._look([pk], alone=True)
        return faults

    def _look(self, ours: Collection[int], *, alone: bool = False) -> dict[int, str]:
        before = self._sights(ours)
        pids = None
        if alone:
            pids = {pid for sight in before.values() for pid in self._noted(sight)}
        seen = sweep(self._root, pids)
        after = self._sights(ours)
        found = self._judge(seen)
        faults = {}
        for pk, sight in before.items():
            tree = [process for process in found if process.agent == sight.agent.name]
            moved = sight.state != after[pk].state
            fault = MOVING if moved else fault_of(sight, tree, self._fleet[pk])
            if fault:
                faults[pk] = fault
        return faults

    def _noted(self, sight: Sight) -> set[int]:
        """The shim, and those processes of the agent that noted themselves last."""
        lines = notes(self._root, sight.agent.name)[-LATEST:]
        pids = {int(line.split()[1]) for line in lines}
        run = sight.open_run
        return pids | ({run.pid} if run is not None and run.pid is not None else set())

    def _sights(self, ours: Collection[int]) -> dict[int, Sight]:
        open_runs = {
            run.agent_id: run
            for run in Run.objects.filter(agent__in=ours, ended_at=None)
        }
        wishes: dict[int | None, list[Request]] = defaultdict(list)
        latest = Request.objects.filter(
            agent__in=ours, generation__gte=F("agent__generation") - 1
        )
        unsettled = Request.objects.filter(agent__in=ours, outcome=Outcome.OPEN)
        for request in (latest | unsettled).order_by("generation"):
            wishes[request.agent_id].append(request)
        agents = Agent.objects.filter(pk__in=ours).select_related("run")
        return {
            agent.pk: Sight(agent, open_runs.get(agent.pk), tuple(wishes[agent.pk]))
            for agent in agents
        }

    # -- at every instant --

    def judge_processes(self) -> None:
        """Note the orphans and twins among all living processes."""
        self._judge(sweep(self._root))

    def _judge(self, seen: list[Seen]) -> list[Found]:
        # An ended run's daemon may still wear its mark: all runs, not the open ones.
        ours = Run.objects.filter(agent__in=self._fleet)
        found = attribute(seen, lambda: ours.values_list("pk", flat=True))
        # Read after the sweep, so that a run which has just begun is there.
        ended = dict(
            ours.filter(pk__in={f.run for f in found if f.run}).values_list(
                "pk", "ended_at"
            )
        )
        trees: dict[str, dict[object, list[int]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for process in found:
            is_open = process.run in ended and ended[process.run] is None
            # It may have ended, and its run been closed, since it was seen.
            if not is_open and lives(process.pid):
                self._note_orphan(process)
            trees[process.agent][process.run].append(process.pid)
        for agent, runs in trees.items():
            both = [pids for pids in runs.values() if any(map(lives, pids))]
            if len(both) > 1:
                self._note_once("twins", f"{agent}: alive at once: {sorted(both)}")
        return found

    def _note_orphan(self, process: Found) -> None:
        whose = "no run" if process.run is None else f"{process.run}, which is closed"
        self._note_once(
            "orphans",
            f"{process.agent}: {process.pid} is of {whose}: {process.command}",
        )

    def _note_once(self, counter: str, words: str) -> None:
        if words not in self._reported:
            self._reported.add(words)
            self.verdict.note(counter, words)

    def judge_history(self) -> None:
        """Judge what has ended since the last time: runs, requests, notes."""
        for agent in Agent.objects.filter(pk__in=self._fleet):
            for line in notes(self._root, agent.name):
                if line.startswith("twin"):
                    self._note_once("twins", f"{agent.name}: {line} found another")
        ended = Run.objects.filter(agent__in=self._fleet).exclude(ended_at=None)
        for run in ended:
            if run.pk not in self._judged:
                self._judged.add(run.pk)
                self._judge_run(run)
        failed = Request.objects.filter(outcome=Outcome.FAILED)
        for request in failed.filter(
            agent__in=[pk for pk, t in self._fleet.items() if not t.mortal]
        ):
            words = f"{request}: failed though nothing was wrong: {request.detail}"
            self._note_once("broken_promises", words)

    def judge_changes(self) -> None:
        """Each change of status departs from where the one before has ended."""
        ended = dict.fromkeys(self._fleet, Status.STOPPED.value)
        changes = StatusChange.objects.filter(agent__in=self._fleet).order_by("pk")
        for change in changes:
            assert change.agent_id is not None
            if change.from_status != ended[change.agent_id]:
                words = f"{change.agent_name} departs from {change.from_status}"
                self._note_once(
                    "broken_promises",
                    f"change {change.pk}: {words}, not {ended[change.agent_id]}",
                )
            ended[change.agent_id] = change.to_status

    def _judge_run(self, run: Run) -> None:
        self.verdict.runs += 1
        page = read_page(self._root, run.agent_name, str(run.pk))
        if page is None:
            # It ended before its program could say or write anything.
            self.verdict.without_a_word += 1
            return
        self.verdict.own_ends += page.leaves is not None
        self.verdict.lines += 2 * page.lines
        codes = possible_codes(run, page)
        if run.exit_code not in codes:
            told = f"exit code {run.exit_code}, and not {sorted(codes)}"
            how = f"rung {run.stop_rung!r}, {run.reason!r}, adopted {run.adopted}"
            self.verdict.note("lost_exit_codes", f"{run}: {told}; {how}")
        for stream in ("out", "err"):
            path = self._data / "runs" / run.folder / stream
            missing, wrong = lost_bytes(path.read_bytes(), page.lines)
            if missing or wrong:
                words = f"{run}: {stream} lacks {missing} bytes of {page.lines} lines"
                self.verdict.note("lost_bytes", f"{words} {wrong}", missing or 1)


def fault_of(sight: Sight, tree: Sequence[Found], temperament: Temperament) -> str:
    """What is wrong with an agent that nothing has changed of during a sweep."""
    agent, run, last = sight.agent, sight.open_run, sight.agent.run
    status, pids = agent.status, {process.pid for process in tree}
    if unsettled := [r for r in sight.wishes if r.outcome == Outcome.OPEN]:
        return f"{unsettled[0]} is not settled; it is {status}: {agent.status_reason}"
    if agent.generation != agent.observed_generation:
        return f"generation {agent.observed_generation} of {agent.generation}"
    if agent.desired_state == Desired.STOPPED and status != Status.STOPPED:
        return f"{status}, and shall be stopped: {agent.status_reason}"
    if status == Status.RUNNING:
        if run is None or run.pid != agent.pid or run.pid not in pids:
            return f"running as {agent.pid}; there is {pids or 'nothing'}"
        return _unheeded_restart(sight, run)
    if status not in (Status.STOPPED, Status.CRASHED, Status.BACKOFF):
        if temperament.mortal and timezone.now() - agent.status_since < SOON:
            return ""  # Between two lives of its own, which nobody has asked for.
        return f"still {status}: {agent.status_reason}"
    if run is not None or pids:
        return f"{status}, and {pids or run} is there"
    if agent.desired_state == Desired.STOPPED:
        return ""
    if not temperament.mortal or last is None or last.exit_code is None:
        return f"{status} by itself: {agent.status_reason}"
    if status == Status.STOPPED and (
        last.exit_code != 0 or agent.auto_restart == "always"
    ):
        return f"stopped after {last.exit_code}: {agent.status_reason}"
    if status == Status.CRASHED and (
        last.exit_code == 0 or agent.auto_restart == "always"
    ):
        return f"crashed after {last.exit_code}: {agent.status_reason}"
    return ""


def _unheeded_restart(sight: Sight, run: Run) -> str:
    """A restart needs a process that began after it was asked.

    Unless the wish before it was still open then, and it has joined that one. When it
    was asked is not when its row could be written, so the boot clock tells.
    """
    *earlier, last = sight.wishes
    made, ticks = sight.agent.wanted_boot_seconds, run.start_ticks
    assert made is not None and ticks is not None
    if last.action != Action.RESTART or ticks + 1 >= made * TICKS_PER_SECOND:
        return ""
    if earlier and _on_the_boot_clock(earlier[-1].settled_at) >= made:
        return ""
    return f"{last} is {last.outcome}, and the run is older: {last.detail}"


def _on_the_boot_clock(at: datetime | None) -> float:
    assert at is not None, "all wishes are settled"
    return boot_seconds() - (timezone.now() - at).total_seconds()


ASKED_CODES: Final = {"": set[int](), "ask": {TERMINATED}, "kill": {TERMINATED, KILLED}}


def possible_codes(run: Run, page: Page) -> set[int]:
    """Which exit codes may be recorded of a run whose program has begun its page."""
    if page.leaves is None:
        return ASKED_CODES[run.stop_rung]
    # KILL may come between its last words and its end; TERM it ignores by then.
    return {page.leaves} | ({KILLED} if run.stop_rung == "kill" else set())


def lost_bytes(written: bytes, lines: int) -> tuple[int, str]:
    """How many bytes are missing of so many lines, and what else is not right.

    One line more is right: the program may end before it has counted it.
    """
    due = [b"line %d\n" % number for number in range(1, lines + 2)]
    there = set(written.splitlines(keepends=True))
    missing = sum(len(line) for line in due[:-1] if line not in there)
    if written in (b"".join(due[:-1]), b"".join(due)):
        return 0, ""
    return missing, f"(ends in {written[-40:]!r})"

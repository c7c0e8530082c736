"""`agents start|stop|restart|kill`: ask, and if wanted wait for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from agents.management.agentctl import selection, supervision
from agents.management.agentctl.asker import who
from agents.management.agentctl.terminal import Terminal, one_line
from agents.models import Agent
from agents.policy.dependencies import heaviest_way
from agents.policy.ladder import KILL_PATIENCE
from agents.policy.states import Action, Desired
from agents.services import lifecycle
from agents.services.dependencies import needed
from agents.services.figures import counted, seconds
from agents.services.lifecycle import Asked, Asker
from agents.services.waiting import Result, Wait, watch

# How long a command without --wait works where no supervisor runs.
PATIENCE: Final = 30.0
# Up to so many agents each has a line; above, only those that failed.
FEW: Final = 10
MANY_FOR_A_BAR: Final = 3
NO_SUPERVISOR: Final = (
    f"recorded, but no supervisor is running; {supervision.START_ONE}"
)


@dataclass(frozen=True, slots=True)
class _Wish:
    """One command line: what is asked of whom, and for how long to wait."""

    action: Action
    agents: tuple[Agent, ...]
    asked: tuple[Asked, ...]
    wait: float | None

    @property
    def ends(self) -> bool:
        return self.action.desired is Desired.STOPPED

    @property
    def node(self) -> str:
        return self.agents[0].node

    @property
    def ids(self) -> list[int]:
        return [one.agent_id for one in self.asked]

    @property
    def patience(self) -> float:
        """Enough for the politest of them, where the person set no limit."""
        if self.wait is not None:
            return self.wait
        graces = {agent.name: agent.stop_grace for agent in self.agents}
        # Those that need others end first: graces along such a way add up.
        needs = {
            agent.name: [n for n in needed(agent.depends_on) if n in graces]
            for agent in self.agents
        }
        longest = heaviest_way(needs, lambda name: graces[name] + 2 * KILL_PATIENCE)
        return max(PATIENCE, longest)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of it. `waited`: more is known than that it is recorded."""

    results: Sequence[Result]
    waited: bool


def steer(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Do what the command line says; its exit code."""
    action = Action(options["subcommand"])
    chosen = selection.for_action(options)
    begun = time.monotonic()
    wish = _ask(action, chosen.agents, options)
    answer = _fulfil(wish, terminal) if wish else _Answer((), False)
    ends = action.desired is Desired.STOPPED
    if options["all"] and ends and not supervision.is_there():
        supervision.end_cluster()
    unknown = [
        Result(name, False, None, problem) for name, problem in chosen.unknown.items()
    ]
    if terminal.as_json:
        order = {name: place for place, name in enumerate(options["names"])}
        both = sorted(
            [*answer.results, *unknown], key=lambda one: order.get(one.name, 0)
        )
        terminal.json([asdict(one) for one in both])
    else:
        if wish is not None:
            _report(wish, answer, time.monotonic() - begun, terminal)
        elif not unknown:
            no = "No agent has these labels" if options["label"] else "No agents yet"
            terminal.note(f"{no}; nothing was asked.")
        for one in unknown:
            terminal.note(one.detail)
    return 0 if all(one.ok for one in [*answer.results, *unknown]) else 1


def _ask(
    action: Action, agents: Sequence[Agent], options: Mapping[str, Any]
) -> _Wish | None:
    asker = Asker(actor=who(), via="command", reason=options["reason"])
    by_id = {
        one.agent_id: one
        for one in lifecycle.ask(action, [agent.pk for agent in agents], asker)
    }
    # What was deleted since it was chosen is not asked.
    there = tuple(agent for agent in agents if agent.pk in by_id)
    if not there:
        return None
    asked = tuple(by_id[agent.pk] for agent in there)
    return _Wish(action, there, asked, options["wait"])


def _fulfil(wish: _Wish, terminal: Terminal) -> _Answer:
    supervised = supervision.is_there(wish.node)
    if wish.ends and not supervised:
        return _end_here(wish, terminal)
    if wish.wait is not None and supervised:
        return _waited(wish, wish.wait, terminal)
    if wish.wait is None:
        if not supervised:
            terminal.note(f"{NO_SUPERVISOR}.".capitalize())
        return _recorded(wish)
    refused = [
        Result(agent.name, False, agent.status, NO_SUPERVISOR) for agent in wish.agents
    ]
    return _Answer(refused, False)


def _recorded(wish: _Wish) -> _Answer:
    results = [
        Result(
            one.name,
            True,
            agent.status,
            f"already {agent.status}" if one.already else f"{wish.action} recorded",
        )
        for agent, one in zip(wish.agents, wish.asked, strict=True)
    ]
    return _Answer(results, False)


def _end_here(wish: _Wish, terminal: Terminal) -> _Answer:
    """Nobody supervises: this process does, until they are stopped."""
    if not all(one.already for one in wish.asked):
        terminal.note(f"No supervisor is running: this command does the {wish.action}.")
    begun = time.monotonic()
    try:
        settled = supervision.settle_here(wish.node, wish.ids, wish.patience)
    except KeyboardInterrupt:
        settled = False
    if settled is None:
        if wish.wait is None:
            return _recorded(wish)
        left = wish.wait - (time.monotonic() - begun)
        return _waited(wish, max(0.0, left), terminal)
    wait = Wait(wish.action, wish.asked)
    wait.give_up(f"after {seconds(time.monotonic() - begun)}")
    return _Answer(wait.results, True)


def _waited(wish: _Wish, timeout: float, terminal: Terminal) -> _Answer:
    wait = Wait(wish.action, wish.asked)
    begun = time.monotonic()
    with _progress(wish, terminal) as bar:
        try:
            watch(wait, timeout, bar)
        except KeyboardInterrupt:
            terminal.note("No longer waiting; what was asked stays asked.")
    if not wait.done:
        wait.give_up(f"after {seconds(time.monotonic() - begun)}")
    return _Answer(wait.results, True)


@contextmanager
def _progress(
    wish: _Wish, terminal: Terminal
) -> Iterator[Callable[[Wait], None] | None]:
    """A bar, where a person watches many; it is called after each look."""
    if not terminal.progress or len(wish.asked) <= MANY_FOR_A_BAR:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    progress = Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        "{task.fields[failed]}",
        TimeElapsedColumn(),
        console=terminal.error_console,
        transient=True,
    )
    task = progress.add_task(
        str(wish.action).capitalize(), total=len(wish.asked), failed=""
    )

    def show(wait: Wait) -> None:
        results = wait.results
        failed = sum(not one.ok for one in results)
        note = f"{failed} failed" if failed else ""
        progress.update(task, completed=len(results), failed=note)

    with progress:
        yield show


def _report(wish: _Wish, answer: _Answer, took: float, terminal: Terminal) -> None:
    results = answer.results
    failed = [one for one in results if not one.ok]
    if len(results) <= FEW:
        for one in results:
            if one.ok:
                terminal.status_line(one.name, one.status or "", one.detail)
    if len(results) > 1:
        terminal.say(_summary(wish, answer, took))
    if failed and all(one.detail == NO_SUPERVISOR for one in failed):
        # The same for all, and nothing that any of them has done.
        who = failed[0].name if len(failed) == 1 else counted(len(failed), "agent")
        terminal.note(f"{who}: {NO_SUPERVISOR}.")
        return
    for one in failed:
        terminal.note(one_line(one.name, one.status or "", one.detail))


def _summary(wish: _Wish, answer: _Answer, took: float) -> str:
    """`50 asked, 3 already stopped; 49 done, 1 failed in 1.2 s`."""
    asked = f"{len(answer.results)} asked"
    if already := sum(one.already for one in wish.asked):
        asked += f", {already} already {'stopped' if wish.ends else 'running'}"
    if not answer.waited:
        return asked
    failed = sum(not one.ok for one in answer.results)
    done = f"{len(answer.results) - failed} done"
    if failed:
        done += f", {failed} failed"
    return f"{asked}; {done} in {seconds(took)}"

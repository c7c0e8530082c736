"""What the manager's turn does to processes, in the process thread.

Each function takes plain data from the event loop and gives plain data back.
"""

from __future__ import annotations

import errno
import os
import signal
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agents.adapters import cluster, command, native
from agents.adapters.launch import Launch, Surroundings
from agents.policy.preflight import Refused
from agents.policy.setup import AgentSetup
from agents.supervisor.process import checking, reaping, signals, spawn
from agents.supervisor.process.census import (
    Census,
    Process,
    ProcessId,
    TreeKey,
    has_executed,
    is_alive,
)
from agents.supervisor.process.reaping import Ended

ADAPTERS: Final[Mapping[str, Callable[[AgentSetup, Surroundings], Launch]]] = {
    "command": command.build,
    "cluster": cluster.build,
    "native": native.build,
}
# The command line or environment is too long, and will be the next time too.
_HOPELESS: Final = frozenset({errno.E2BIG, errno.EINVAL, errno.ENAMETOOLONG})
# The machine's trouble, not the set-up's: an agent's home may well be made later.
_PASSING: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}
)


@dataclass(frozen=True, slots=True)
class Order:
    """A run to be prepared: which agent, under which id, started by whom.

    `token`: what its processes are given; of it only a hash is kept.
    """

    agent_id: int
    run_id: uuid.UUID
    setup: AgentSetup
    home: Path
    automatic: bool
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """A spawn that did not happen, and whether a later one could."""

    why: str
    hopeless: bool


def prepare(
    orders: Sequence[Order], url: str, inherited: dict[str, str]
) -> list[Launch | Refused | Failure]:
    """Look at each command before its spawn; an agent's home is made if missing."""
    prepared: list[Launch | Refused | Failure] = []
    for order in orders:
        around = Surroundings(
            str(order.run_id), str(order.home), url, inherited, order.token
        )
        try:
            if not order.setup.cwd:
                order.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            prepared.append(ADAPTERS[order.setup.adapter](order.setup, around))
        except Refused as refusal:
            prepared.append(refusal)
        except OSError as error:
            why = f"{order.home}: {error.strerror}"
            passing = error.errno in _PASSING
            prepared.append(Failure(why, hopeless=False) if passing else Refused(why))
    return prepared


@dataclass(frozen=True, slots=True)
class Made:
    """A spawned process; `executed`: it is the program already. None: it is an agent
    inside the hub, and has begun."""

    process: spawn.Spawned | None
    executed: bool


def lay_out_all(places: Sequence[tuple[Path, str]]) -> list[Failure | None]:
    """Make the files of runs: folder and standard input of each; None is success."""
    results: list[Failure | None] = []
    for folder, stdin in places:
        try:
            spawn.lay_out(folder, stdin)
        except OSError as error:
            results.append(_failure(error))
        else:
            results.append(None)
    return results


def spawn_all(
    launches: Sequence[tuple[uuid.UUID, Launch, Path] | Made | Failure],
) -> list[Made | Failure]:
    """Spawn each whose files are laid out; what is done already stays so."""
    results: list[spawn.Spawned | Made | Failure] = []
    for one in launches:
        if isinstance(one, Made | Failure):
            results.append(one)
            continue
        run_id, launch, folder = one
        try:
            results.append(spawn.spawn(launch, folder, run_id))
        except OSError as error:
            results.append(_failure(error))
        except ValueError as error:
            # What exec can never take; one bad set-up shall not end the turn.
            results.append(Failure(f"could not spawn: {error}", hopeless=True))
    return [
        Made(one, has_executed(one.leader.pid))
        if isinstance(one, spawn.Spawned)
        else one
        for one in results
    ]


def _failure(error: OSError) -> Failure:
    return Failure(spawn.describe(error), hopeless=error.errno in _HOPELESS)


@dataclass(frozen=True, slots=True)
class Watched:
    """A run whose leader may have ended. `thorough`: the cheap look cannot do.

    `leader` None: it had ended before anybody wrote down which it was.
    """

    key: TreeKey
    leader: ProcessId | None
    folder: Path
    ended: Ended | None
    thorough: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """How the leader ended (None: it lives) and what is left of the tree."""

    ended: Ended | None
    tree: tuple[Process, ...]


def look_after(
    watched: Sequence[Watched], leaders: Collection[int], census: Census
) -> list[Sight]:
    """Reap all leaders first, then see what they left behind.

    What a leader of ours leaves becomes our child, so no unknown child means an
    empty tree. After adoption, and before *stopped* is said, a sweep is made.
    """
    ends = [w.ended or _reap(w) for w in watched]
    orphans = reaping.reap_orphans(leaders)
    doubtful = [
        w
        for w, ended in zip(watched, ends, strict=True)
        if ended is not None and (orphans or w.thorough)
    ]
    trees = census.trees(census.take(), [w.key for w in doubtful]) if doubtful else {}
    return [
        Sight(ended, tuple(trees.get(w.key.run_id, ())) if ended else ())
        for w, ended in zip(watched, ends, strict=True)
    ]


def _reap(watched: Watched) -> Ended | None:
    if watched.leader is None:
        return reaping.last_words(watched.folder)
    return reaping.reap(watched.leader, watched.folder)


@dataclass(frozen=True, slots=True)
class Asking:
    """A tree to be asked politely. `ours`: its leader is our child, not yet reaped."""

    key: TreeKey
    signal: signal.Signals
    survivors: tuple[Process, ...]
    ours: bool


def ask_all_to_end(asked: Sequence[Asking]) -> None:
    """The polite rung: each whole group, or what is left without its leader."""
    for one in asked:
        leader = one.key.leader
        if leader is None or not signals.send_to_group(leader, one.signal, one.ours):
            signals.send_to_each(one.survivors, one.signal)
            signals.send_to_each(one.survivors, signal.SIGCONT)


def kill_trees(
    keys: Sequence[tuple[TreeKey, bool]], census: Census
) -> dict[uuid.UUID, int]:
    """KILL everything in these trees, in one sweep; how many were there.

    The shim is spared (False) at first: it writes the exit status, even if the
    hub dies right now, and then ends by itself.
    """
    trees = census.trees(census.take(), [key for key, _ in keys])
    for key, leader_too in keys:
        victims = [
            process
            for process in trees[key.run_id]
            if leader_too or process.id != key.leader
        ]
        signals.send_to_each(victims, signal.SIGKILL)
    return {run_id: len(tree) for run_id, tree in trees.items()}


def executed(leaders: Sequence[ProcessId]) -> list[bool]:
    """For each leader: has its shim become the program?"""
    return [has_executed(leader.pid) for leader in leaders]


@dataclass(frozen=True, slots=True)
class Remains:
    """A run that an earlier hub left: the facts of its row.

    `inside`: it lived in that hub, and whatever is left is of its tools.
    """

    key: TreeKey
    folder: Path
    same_boot: bool
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What is there of it: a living leader, or an end, or nothing ever was."""

    leader: ProcessId | None = None
    pidfd: int | None = None
    ended: Ended | None = None
    survivors: int = 0


def find(remains: Sequence[Remains], census: Census) -> list[Finding]:
    """Look for the processes of runs that are open in the database."""
    found = census.take()
    trees = census.trees(found, [r.key for r in remains if r.same_boot])
    return [
        _find_one(r, trees[r.key.run_id]) if r.same_boot else Finding() for r in remains
    ]


def end_leaked_probes(run_ids: Sequence[uuid.UUID], census: Census) -> int:
    """KILL what probes of a hub that was killed have left; how many there were."""
    return checking.end_leaked(census.probes(census.take(), run_ids))


def _find_one(remains: Remains, tree: list[Process]) -> Finding:
    if remains.inside:
        if not tree:
            return Finding()
        gone = reaping.Ended(None, datetime.now(UTC))
        return Finding(ended=gone, survivors=len(tree))
    leader = remains.key.leader or _leader_of(tree)
    if leader is not None and (pidfd := _open(leader)) is not None:
        return Finding(leader=leader, pidfd=pidfd)
    left = len([process for process in tree if process.id != leader])
    if leader is not None:
        ended = reaping.reap(leader, remains.folder)
        return Finding(
            ended=ended or reaping.last_words(remains.folder), survivors=left
        )
    words = reaping.last_words(remains.folder)
    if words.code is None and not left:
        return Finding()
    return Finding(ended=words, survivors=left)


def _leader_of(tree: list[Process]) -> ProcessId | None:
    """The session leader that wears the run's mark: its shim."""
    leading = [process for process in tree if process.pid == process.session]
    return min(leading, key=lambda p: p.ticks).id if leading else None


def _open(leader: ProcessId) -> int | None:
    try:
        pidfd = os.pidfd_open(leader.pid)
    except OSError:
        return None
    if is_alive(leader):
        return pidfd
    os.close(pidfd)
    return None

"""The probe `exec`: a program says whether the agent is well, by exiting with 0."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from typing import Final

from agents.adapters import command
from agents.adapters.launch import Launch
from agents.policy.exits import describe
from agents.policy.preflight import Refused
from agents.policy.probes import Probe
from agents.policy.thresholds import Result
from agents.supervisor.hands import Hands
from agents.supervisor.health.target import Target
from agents.supervisor.process import checking
from agents.supervisor.process.checking import Checking
from agents.supervisor.process.mark import probe_mark
from agents.supervisor.process.spawn import describe as why_not_spawned

# Of what it says the end is kept for the reason; a flood is cut off (bytes).
TAIL: Final = 2000
FLOOD: Final = 1 << 20
SHOWN: Final = 200
# KILL works at once, but for what is stuck in the kernel (seconds).
ENDING: Final = 5.0
LOOK_AGAIN: Final = 0.02


async def check(probe: Probe, target: Target, slot: int, hands: Hands) -> Result:
    """Run the program to its end, or to the end of its time; nothing of it is left."""
    mark = probe_mark(target.run_id, slot)
    beginning = hands.spawn(_begin, probe, target, mark)
    try:
        begun = await asyncio.shield(beginning)
    except asyncio.CancelledError:
        # It may have been spawned all the same: nobody else knows of it.
        begun = await beginning
        if isinstance(begun, Checking):
            await _put_away(begun, hands)
        raise
    if isinstance(begun, str):
        return Result(False, begun)
    words = _Words(begun.output)
    in_time = False
    try:
        in_time = await _ended(begun.pidfd, probe.timeout)
    finally:
        words.stop()
        code = await asyncio.shield(_put_away(begun, hands))
    if code is None:
        return Result(False, f"took more than {probe.timeout:g} s, and KILL is slow")
    if not in_time:
        what = f"took more than {probe.timeout:g} s and was ended"
        return Result(False, what + words.quoted())
    return Result(code == 0, describe(code) + words.quoted())


def _begin(probe: Probe, target: Target, mark: int) -> Checking | str:
    """In the processes' thread: the program under way, or why it is not."""
    try:
        setup = replace(target.setup, command=probe.command)
        launch: Launch = command.build(setup, target.around)
        return checking.begin(launch, mark)
    except Refused as refusal:
        return str(refusal)
    except OSError as error:
        return why_not_spawned(error)


async def _ended(pidfd: int, timeout: float) -> bool:
    """Wait until the process has ended; False if it has not in time."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        async with asyncio.timeout(timeout):
            await ended.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
    return True


async def _put_away(begun: Checking, hands: Hands) -> int | None:
    """End all of it; the leader's exit code, None if even KILL took too long."""
    loop = asyncio.get_running_loop()
    until = loop.time() + ENDING
    code: int | None = None
    try:
        while True:
            code, left = await hands.look(_end, begun, code)
            if code is not None and not left:
                return code
            if loop.time() >= until:
                return None
            await asyncio.sleep(LOOK_AGAIN)
    finally:
        begun.close()


def _end(begun: Checking, code: int | None) -> tuple[int | None, int]:
    if code is None:
        checking.end(begun)
        code = checking.reap(begun)
    return code, checking.end_orphans(begun)


class _Words:
    """The end of what the program says, read as it comes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._tail = b""
        self._read = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._take)

    def _take(self) -> None:
        try:
            piece = os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        self._read += len(piece)
        self._tail = (self._tail + piece)[-TAIL:]
        if not piece or self._read > FLOOD:
            # A flood is left to stand in the pipe: its writer waits for its end.
            self._loop.remove_reader(self._descriptor)

    def stop(self) -> None:
        """What is there is read, and no more."""
        self._loop.remove_reader(self._descriptor)
        with contextlib.suppress(OSError):
            self._tail = (self._tail + os.read(self._descriptor, 65_536))[-TAIL:]

    def quoted(self) -> str:
        """The last line, printable and short."""
        lines = self._tail.decode(errors="replace").strip().splitlines()
        if not lines:
            return ""
        text = "".join(c if c.isprintable() else "\ufffd" for c in lines[-1].strip())
        return f": {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}"

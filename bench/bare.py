"""A supervisor that does nothing but supervise, on asyncio: `python bare.py SET-UP`.

The set-up and the commands are those of bare.c. It records nothing, adopts nobody,
and writes each agent's output straight to its file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path


class Agent:
    """One agent and the task that keeps it."""

    def __init__(self, line: str) -> None:
        restart, grace, self.output, *self.argv = line.split("\t")
        self.restart, self.grace = restart == "1", float(grace)
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[None] | None = None
        self.wanted = False

    def start(self) -> None:
        self.wanted = True
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        self.wanted = False
        if self.task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait({self.task}, timeout=self.grace)
        if not done:
            self._signal(signal.SIGKILL)

    def _stopped(self) -> bool:
        return not self.wanted

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    async def _keep(self) -> None:
        while self.wanted:
            with open(self.output, "ab") as output:
                self.process = await asyncio.create_subprocess_exec(
                    *self.argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            if self._stopped():
                self._signal(signal.SIGTERM)  # Stopped while it was being spawned.
            await self.process.wait()
            if not self.restart:
                return


class Program:
    """All agents, and what is asked on the standard input."""

    def __init__(self, setup: str) -> None:
        self.agents = [Agent(line) for line in Path(setup).read_text().splitlines()]
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        for agent in self.agents:
            agent.start()
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, self._hear)
        print("ready", flush=True)
        await self._ended.wait()

    def _hear(self) -> None:
        commands = os.read(0, 4096).decode().split()
        if not commands:
            self._ended.set()
            asyncio.get_running_loop().remove_reader(0)
        for command in commands:
            print(self._answer(command), flush=True)

    def _answer(self, command: str) -> str:
        if command == "start":
            for agent in self.agents:
                agent.start()
        elif command == "stop":
            for agent in self.agents:
                task = asyncio.create_task(agent.stop())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        alive = [
            agent.process.pid
            for agent in self.agents
            if agent.process is not None and agent.process.returncode is None
        ]
        if command == "status":
            return f"{len(alive)} of {len(self.agents)}"
        return " ".join(map(str, alive)) if command == "pids" else ""


if __name__ == "__main__":
    if sys.version_info < (3, 12):
        # What newer Pythons do by themselves: the older default is a thread a child.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    asyncio.run(Program(sys.argv[1]).run())

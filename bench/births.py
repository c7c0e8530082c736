"""What the agents say of themselves: one line in a FIFO, heard the moment it comes."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Nothing an agent says may get lost, however busy this process is.
_PIPE_SIZE: Final = 1 << 20


class NotHeard(TimeoutError):
    """Not all that was waited for was said in time."""


@dataclass(frozen=True, slots=True)
class Said:
    """`at`: on the monotonic clock. `done`: it has written what it had to write;
    else it was born."""

    index: int
    pid: int
    at: float
    done: bool


class Births:
    """Listens in a thread of its own, until closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._said: list[Said] = []
        self._changed = threading.Condition()
        os.mkfifo(path, 0o600)
        # Open for writing too: it does not end when the last agent has spoken.
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        fcntl.fcntl(self._file, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._thread = threading.Thread(target=self._listen, name="births", daemon=True)
        self._thread.start()

    def mark(self) -> int:
        """A point in time: what is said later is said after it."""
        return len(self._said)

    def since(self, mark: int) -> list[Said]:
        """Everything that was said after the mark."""
        return self._said[mark:]

    def wait(
        self, mark: int, indexes: set[int], timeout: float, *, done: bool = False
    ) -> float:
        """When the last of these agents was born (or done) after the mark."""
        missing, position, at = set(indexes), mark, 0.0
        until = time.monotonic() + timeout
        with self._changed:
            while missing:
                for said in self._said[position:]:
                    position += 1
                    if said.done is done and said.index in missing:
                        missing.discard(said.index)
                        at = said.at
                left = until - time.monotonic()
                if missing and (left <= 0 or not self._changed.wait(left)):
                    what = "done" if done else "born"
                    some = sorted(missing)[:5]
                    raise NotHeard(f"{len(missing)} agents not {what}, such as {some}")
        return at

    def everybody(self) -> set[tuple[int, int]]:
        """Index and pid of each agent that was ever born."""
        return {(said.index, said.pid) for said in self._said}

    def pids(self) -> dict[int, int]:
        """The latest pid of each agent."""
        return {said.index: said.pid for said in self._said}

    def close(self) -> None:
        """Stop listening."""
        os.write(self._file, b"end\n")
        self._thread.join()
        os.close(self._file)

    def _listen(self) -> None:
        rest = b""
        while True:
            *lines, rest = (rest + os.read(self._file, 1 << 16)).split(b"\n")
            at = time.monotonic()
            if b"end" in lines:
                return
            with self._changed:
                for line in lines:
                    index, pid = line[1:].split()
                    said = Said(int(index), int(pid), at, done=line[:1] == b"-")
                    self._said.append(said)
                self._changed.notify_all()

"""A process that answers each line on its input with one line on its output."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Conversation:
    """Starts it; what it says on stderr goes into the log."""

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._rest = b""
        with log.open("ab") as err:
            self.process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                start_new_session=True,
            )

    def ask(self, line: str, timeout: float = 60.0) -> str:
        """Say a line and wait for the answer."""
        self.say(line)
        return self.hear(timeout)

    def say(self, line: str) -> None:
        """Say a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, timeout: float = 60.0) -> str:
        """The next line; raises RuntimeError if it ends, TimeoutError if it is mute."""
        assert self.process.stdout is not None
        file, until = self.process.stdout.fileno(), time.monotonic() + timeout
        while b"\n" not in self._rest:
            left = max(0.0, until - time.monotonic())
            if not select.select([file], [], [], left)[0]:
                raise TimeoutError(f"{self.process.args!r} does not answer.")
            if not (read := os.read(file, 1 << 16)):
                raise RuntimeError(f"{self.process.args!r} has ended.")
            self._rest += read
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def close(self) -> None:
        """End it, politely at first."""
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        try:
            self.process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

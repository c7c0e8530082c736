"""What the contestants that are servers share: a process, a log, a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.contestants.contestant import Ground

PATIENCE: Final = 60.0


class Daemon:
    """A supervisor's process on its ground."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.log = ground.directory / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(
        self,
        argv: Sequence[str],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; what it says goes into the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                cwd=cwd or self.ground.directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The supervisor's process."""
        assert self.process is not None, "It has not been launched."
        return self.process.pid

    def kill9(self) -> None:
        """End the supervisor as the kernel would, and nothing else."""
        assert self.process is not None, "It has not been launched."
        self.process.kill()
        self.process.wait()

    def recorded(self, running: bool) -> bool:
        """Nothing is written down."""
        return False

    def close(self) -> None:
        """End it at once: nothing it keeps is needed any more."""
        if self.process is not None:
            self.kill9()


def free_port() -> int:
    """A port on the loopback that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def peers_python() -> Path:
    """The Python of the environment that the peers are installed in."""
    return Path(sys.prefix) / "bench-peers" / "bin" / "python"


def until_answered(ask: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Ask until there is an answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            ask()
            return
        time.sleep(0.01)
    ask()

"""A supervisor of any node, as a process: `python -m tests.harness.node NAME`.

`manage.py supervise` has the node `local` alone so far; what runs here is the same.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.conf import settings

ROOT: Final = Path(__file__).parents[2]


class NodeProcess:
    """One such process, on the test's own database and data directory."""

    def __init__(self, name: str, log: Path) -> None:
        self.name, self.log = name, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        """Begin; what its agents are to do is in the database."""
        environment = {
            **os.environ,
            "AGENTHUB_DATA_DIR": str(settings.AGENTHUB_DATA_DIR),
            "DATABASE_URL": f"sqlite:///{settings.DATABASES['default']['NAME']}",
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.harness.node", self.name],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill9(self) -> None:
        """End it as the kernel would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """End it politely; the exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.terminate()
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"Node {self.name} did not end.") from None


def main(name: str) -> None:
    """Supervise until SIGTERM."""
    import django

    django.setup()
    from agents.management.commands.supervise import Command

    asyncio.run(Command()._supervise(name))


if __name__ == "__main__":
    main(sys.argv[1])

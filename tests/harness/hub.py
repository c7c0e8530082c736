"""A real hub in a process and a data directory of its own, driven as a person would.

It leaves nothing behind: `close` stops every agent and fails on any survivor.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.harness.processes import marked
from tests.harness.waiting import until

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "manage.py"
ADMIN_PASSWORD = "open sesame, said the test"
READY = re.compile(
    r"^AgentHub is ready: (?P<url>http://127\.0\.0\.1:(?P<port>\d+))/  "
    r"\(sign in as admin .*\)$",
    re.MULTILINE,
)


class HubProcess:
    """`manage.py hub` as a subprocess; start and stop as often as you like.

    A restarted hub keeps its port, so that an open page finds it again. `under`: a
    command that the hub is to be run by.
    """

    def __init__(self, root: Path, *options: str, under: Sequence[str] = ()) -> None:
        self.under = under
        self.data = root / "data"
        self.home = root / "home"
        self.log = root / "hub.log"
        self.options = options or ("--no-demo",)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._was_ready = False
        self.home.mkdir(parents=True, exist_ok=True)
        self.log.touch()

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        assert self.port, "The hub has not been started yet."
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "The hub is not running."
        return self.process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What the hub and its commands see: nothing of the developer's own."""
        return {
            "AGENTHUB_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "AGENTHUB_DATA_DIR": str(self.data),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }

    def start(self, timeout: float = 60.0) -> HubProcess:
        """Start the hub and wait for the line that says it is ready."""
        assert self.process is None, "The hub is running already."
        self._log_start = self.log.stat().st_size
        manage = [sys.executable, str(MANAGE), "hub", "--port", str(self.port)]
        command = [*self.under, *manage]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *self.options],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        ready = until(self._ready, timeout=timeout, what="the hub's ready line")
        self.port = int(ready["port"])
        self._was_ready = True
        return self

    def output(self) -> str:
        """What the hub has printed since its last start."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def stop(self, timeout: float = 20.0) -> int:
        """End the hub politely, as an init system would; agents go on."""
        return self._end(signal.SIGTERM, timeout)

    def ended(self, timeout: float) -> int:
        """Wait for it to end by itself; the exit code."""
        assert self.process is not None, "The hub is not running."
        code = self.process.wait(timeout)
        self.process = None
        return code

    def kill9(self) -> None:
        """End the hub as the kernel would, with no chance to tidy up."""
        self._end(signal.SIGKILL, 10.0)

    def manage(
        self, *arguments: str, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run any management command in the hub's environment."""
        command = [sys.executable, str(MANAGE), *arguments]
        return self.run(shlex.join(command), timeout=timeout)

    def agents(
        self, *arguments: str, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `manage.py agents …`; the caller judges the exit code."""
        return self.manage("agents", *arguments, timeout=timeout)

    def agents_json(self, *arguments: str) -> Any:
        """What `manage.py agents … --json` answers; it has to succeed."""
        done = self.agents(*arguments, "--json")
        assert done.returncode == 0, f"{shlex.join(done.args)}\n{done.stderr}"
        return json.loads(done.stdout)

    def run(self, line: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in the hub's environment and home folder."""
        return subprocess.run(
            ["sh", "-c", line],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def close(self) -> None:
        """Stop agents and hub; anything left alive is ended and is a failure."""
        problems = []
        if self._was_ready:
            self._was_ready = False
            try:
                done = self.agents("stop", "--all", "--wait", "10")
                if done.returncode != 0:
                    problems.append(f"agents stop --all failed:\n{done.stderr}")
            except subprocess.TimeoutExpired as error:
                problems.append(str(error))
        # Looked for before the hub ends: stopped was said, so it has to be true.
        survivors = self.survivors()
        if self.process is not None:
            try:
                self.stop()
            except AssertionError as error:
                problems.append(str(error))
        for pid, command in {**survivors, **self.survivors()}.items():
            problems.append(f"survivor {pid}: {command}")
            kill_if_there(pid)
        if problems:
            raise AssertionError("\n".join([*problems, "The hub:", self._log_end()]))

    def row(self, name: str) -> dict[str, Any]:
        """An agent's row, without the cost of a command."""
        with contextlib.closing(
            sqlite3.connect(self.data / "agenthub.sqlite3")
        ) as connection:
            connection.row_factory = sqlite3.Row
            query = "SELECT * FROM agents_agent WHERE name = ?"
            return dict(connection.execute(query, (name,)).fetchone())

    def survivors(self) -> dict[int, str]:
        """Every living process of this hub's agents, escaped daemons included."""
        database = self.data / "agenthub.sqlite3"
        if not database.exists():
            return {}
        with contextlib.closing(sqlite3.connect(database)) as connection:
            rows = connection.execute("SELECT id FROM agents_run").fetchall()
        return marked([uuid.UUID(row[0]) for row in rows])

    def _ready(self) -> re.Match[str] | None:
        assert self.process is not None
        if (code := self.process.poll()) is not None:
            self.process = None
            raise AssertionError(f"The hub ended with {code}:\n{self._log_end()}")
        return READY.search(self.output())

    def _end(self, number: signal.Signals, timeout: float) -> int:
        assert self.process is not None, "The hub is not running."
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(
                f"The hub still ran {timeout} s after {number.name}:\n{self._log_end()}"
            ) from None

    def _log_end(self) -> str:
        return "\n".join(self.output().splitlines()[-40:])


def kill_if_there(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def try_start(hub: HubProcess, *options: str) -> subprocess.CompletedProcess[str]:
    """Start a hub that is expected to refuse."""
    return subprocess.run(
        [sys.executable, str(MANAGE), "hub", *options],
        cwd=ROOT,
        env=hub.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

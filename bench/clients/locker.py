"""Takes one lock and lets go of it, again and again, for as long as it is told.

Arguments: `hub PORT TOKEN AGENT DIRECTORY`, or `filelock DIRECTORY`. A line of two
numbers (for how many seconds; seconds to hold it each time) is answered by how long
each lock was waited for, in seconds. Runs in the peers' environment too: no imports of
ours.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

FILE: Final = "contended"
PATIENCE: Final = 60.0
Take = Callable[[], Callable[[], None]]


class Hub:
    """As an agent does it: by the control API, over a kept connection."""

    def __init__(self, port: str, token: str, agent: str, directory: str) -> None:
        where = ("127.0.0.1", int(port))
        self._connection = http.client.HTTPConnection(*where, timeout=2 * PATIENCE)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        self._wanted = {
            "agent": agent,
            "workspace": directory,
            "paths": [FILE],
            "mode": "exclusive",
            "wait": PATIENCE,
        }

    def take(self) -> Callable[[], None]:
        """Have the lock; what lets go of it."""
        (lock,) = self._post("locks", self._wanted)["locks"]
        return lambda: self._let_go(lock["id"])

    def _let_go(self, lock_id: int) -> None:
        self._post(f"locks/{lock_id}/release", {})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        sent = json.dumps(body)
        self._connection.request("POST", f"/api/v1/{path}", sent, self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{path}: {answer.status} {told[:300]!r}")
        return json.loads(told)


class OfFiles:
    """As the package `filelock` does it: the kernel's lock on a file, looked for 20
    times a second, which is its default."""

    def __init__(self, directory: str) -> None:
        from filelock import FileLock

        self._lock = FileLock(Path(directory) / f"{FILE}.lock", timeout=PATIENCE)

    def take(self) -> Callable[[], None]:
        """Have the lock; what lets go of it."""
        self._lock.acquire()
        return self._let_go

    def _let_go(self) -> None:
        self._lock.release()


def waits(take: Take, seconds: float, hold: float) -> list[float]:
    """How long each was waited for."""
    found, until = [], time.monotonic() + seconds
    while (asked := time.monotonic()) < until:
        let_go = take()
        found.append(time.monotonic() - asked)
        time.sleep(hold)
        let_go()
    return found


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    locker = Hub(*rest) if kind == "hub" else OfFiles(*rest)
    for line in sys.stdin:
        print(json.dumps(waits(locker.take, *map(float, line.split()))), flush=True)

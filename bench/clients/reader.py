"""Programs that read agents' status over kept connections, at a steady rate.

Arguments: port, token, agents' names. `on` begins, `off` ends and answers how many of
the reads had which status: half of them say what they know already.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Final

A_SECOND: Final = 10_000 / 60
CONNECTIONS: Final = 4


class Reader:
    """One connection, which is asked at its own times."""

    def __init__(self, port: int, token: str, names: Sequence[str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._token, self._names = token, names
        self._tags: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    def read(self, number: int) -> None:
        """One status; every other time only if it is another than before."""
        name = self._names[number // 2 % len(self._names)]
        headers = {"Authorization": f"Bearer {self._token}"}
        if number % 2 and name in self._tags:
            headers["If-None-Match"] = self._tags[name]
        path = f"/api/v1/agents/{name}/status"
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        self.counts[str(answer.status)] += 1
        self._tags[name] = answer.headers["ETag"] or ""

    def go_on(self, until: threading.Event, first: float) -> None:
        """Read at a steady beat; what comes late is caught up with."""
        for number in count():
            due = first + number * CONNECTIONS / A_SECOND
            if until.wait(max(0.0, due - time.monotonic())):
                return
            self.read(number)


class Readers:
    """All connections, each in a thread."""

    def __init__(self, port: int, token: str, names: Sequence[str]) -> None:
        self._readers = [Reader(port, token, names) for _ in range(CONNECTIONS)]
        self._threads: list[threading.Thread] = []
        self._enough = threading.Event()

    def on(self) -> bool:
        """Begin, one after the other within a beat."""
        self._enough.clear()
        begin = time.monotonic()
        for place, reader in enumerate(self._readers):
            reader.counts.clear()
            first = begin + place / A_SECOND
            thread = threading.Thread(target=reader.go_on, args=(self._enough, first))
            self._threads.append(thread)
            thread.start()
        return True

    def off(self) -> Counter[str]:
        """End; how many answers of each status."""
        self._enough.set()
        while self._threads:
            self._threads.pop().join()
        return sum((one.counts for one in self._readers), Counter())


if __name__ == "__main__":
    readers = Readers(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    for line in sys.stdin:
        told = readers.on() if line.strip() == "on" else readers.off()
        print(json.dumps(told), flush=True)

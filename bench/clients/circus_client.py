"""circus's own client, in the peers' environment: `circus_client.py ENDPOINT`."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from circus.client import CircusClient
from circus.exc import CallError


def ask(client: CircusClient, command: str) -> Any:
    """Carry out one command; what it answers."""
    match command:
        case "connect":
            until = time.monotonic() + 60.0
            while True:
                try:
                    return client.send_message("globaloptions")
                except CallError:
                    if time.monotonic() > until:
                        raise
        case "start" | "stop":
            return client.send_message(command, waiting=False)
        case "pids":
            stats = client.send_message("stats")["infos"]
            return [int(pid) for watcher in stats.values() for pid in watcher]
        case _:
            return client.send_message(command)


def main(endpoint: str) -> None:
    """Answer each line with one of JSON."""
    client = CircusClient(endpoint=endpoint, timeout=60.0)
    for line in sys.stdin:
        print(json.dumps(ask(client, line.strip())), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`python -m bench.streaming`: what a hub costs beside the bare SDK, on one machine.

All agents stream at once from a stand-in in a process of its own: each two answers.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.processes import cpu_seconds, pss_bytes
from bench.streaming.hub import Hub

PYTHON = [sys.executable, "-m"]


def main() -> int:
    """Measure the bare script, then the hub, and print both and their ratio."""
    parser = argparse.ArgumentParser(prog="bench.streaming", description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--deltas", type=int, default=500, help="of each answer")
    parser.add_argument("--pace", type=float, default=25.0, help="deltas per second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agenthub-streaming-") as name:
        directory = Path(name)
        server = subprocess.Popen(
            [
                *PYTHON,
                "bench.streaming.standin",
                str(asked.deltas),
                str(1 / asked.pace),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
            bare = _bare(url, asked.agents)
            _report(asked.agents, bare, _with_hub(url, asked.agents, directory))
        finally:
            server.kill()
            server.wait()
    return 0


def _bare(url: str, agents: int) -> float:
    done = subprocess.run(
        [*PYTHON, "bench.streaming.bare", url, str(agents)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[0])


def _with_hub(url: str, agents: int, directory: Path) -> dict[str, float]:
    """CPU seconds of the streaming, percent of a core when idle, KiB of an agent."""
    with Hub(directory, url) as hub:
        # The first one brings the SDK with it.
        hub.begin(1)
        first = pss_bytes([hub.pid]) / 1024
        hub.begin(agents - 1)
        time.sleep(2.0)
        memory = (pss_bytes([hub.pid]) / 1024 - first) / max(1, agents - 1)
        begin = cpu_seconds([hub.pid])
        time.sleep(10.0)
        idle = (cpu_seconds([hub.pid]) - begin) * 10
        begin = cpu_seconds([hub.pid])
        seconds = hub.work()
        used = cpu_seconds([hub.pid]) - begin
    return {"cpu": used, "idle": idle, "memory": memory, "seconds": seconds}


def _report(agents: int, bare: float, seen: dict[str, float]) -> None:
    ratio = seen["cpu"] / bare
    print(f"{agents} native agents, streaming at once for {seen['seconds']:.0f} s")
    print(f"  CPU, the SDK alone       {bare:8.2f} s")
    print(f"  CPU, the hub             {seen['cpu']:8.2f} s   {ratio:.2f}x")
    print(f"  memory of an idle agent  {seen['memory']:8.1f} KiB (PSS)")
    print(f"  CPU when all are idle    {seen['idle']:8.2f} % of a core")


if __name__ == "__main__":
    sys.exit(main())

"""Who is measured, and who cannot be on this machine."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from bench.build import Built
from bench.contestants import daemon, pm2
from bench.contestants.agenthub import AgentHub
from bench.contestants.bare import Bare
from bench.contestants.circus import Circus
from bench.contestants.contestant import Maker
from bench.contestants.pm2 import Pm2
from bench.contestants.supervisord import Supervisord

OURS: Final = AgentHub.name
BASELINE: Final = "bare-asyncio"

MAKERS: Final[dict[str, Maker]] = {
    OURS: AgentHub,
    Supervisord.name: Supervisord,
    Circus.name: Circus,
    Pm2.name: Pm2,
    BASELINE: Bare.on_asyncio,
    "bare-c": Bare.in_c,
}


def left_out(built: Built) -> dict[str, str]:
    """Why some cannot be measured here, by name."""
    reasons = {}
    if reason := pm2.why_not():
        reasons[Pm2.name] = reason
    if built.bare is None:
        reasons["bare-c"] = "there is no C compiler (cc); the agents run on Python"
    if not daemon.peers_python().exists():
        for name in (Supervisord.name, Circus.name):
            reasons[name] = "it is not installed; `make bench` does that"
    elif (other := _python_version()) != sys.version.split()[0]:
        for name in (Supervisord.name, Circus.name):
            reasons[name] = f"it runs on Python {other}; remove .venv/bench-peers"
    return reasons


def _python_version() -> str:
    source = "import sys; print(sys.version.split()[0])"
    ask = [str(daemon.peers_python()), "-c", source]
    done = subprocess.run(ask, capture_output=True, text=True, check=True)
    return done.stdout.strip()

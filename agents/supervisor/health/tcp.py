"""The probe `tcp`: a port takes connections."""

from __future__ import annotations

from agents.policy.probes import Probe
from agents.policy.thresholds import Result
from agents.supervisor.health.connecting import NoAnswer, connected


async def check(probe: Probe) -> Result:
    """Connect, and hang up."""
    try:
        async with connected(probe.host, probe.port, probe.timeout):
            return Result(True, f"port {probe.port} takes connections")
    except NoAnswer as reason:
        return Result(False, str(reason))

"""The adapter `native`: an agent inside the hub, which asks a provider's model."""

from __future__ import annotations

from agents.adapters.launch import Launch, Surroundings
from agents.policy import preflight
from agents.policy.setup import AgentSetup


def build(setup: AgentSetup, around: Surroundings) -> Launch:
    """Where it works, for it has no program; raises `preflight.Refused`."""
    given = setup.native.workspace if setup.native else ""
    cwd = preflight.directory(given or around.home)
    # For the commands that it runs.
    return Launch(argv=(), cwd=cwd, env=around.marks(setup.name))

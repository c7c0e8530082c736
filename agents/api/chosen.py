"""Which agents a call means."""

from __future__ import annotations

from agents.api.problems import Problem
from agents.models import Agent
from agents.policy.hints import did_you_mean


def the_agent(name: str) -> Agent:
    """The agent of this name with its run; a Problem if there is none."""
    found = (
        Agent.every.select_related("run")
        .defer("env", "command", "samples", "recent_exits", "run__setup")
        .filter(name=name)
        .first()
    )
    if found is None:
        known = Agent.objects.values_list("name", flat=True)
        told = f"There is no agent {name!r}. {did_you_mean(name, known)}".rstrip()
        raise Problem(404, told)
    return found

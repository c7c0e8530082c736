"""Items of a file and what a plan says of them, for the tests of transfer."""

from __future__ import annotations

from typing import Any

from agents.models import Agent
from agents.services import setups, transfer
from agents.services.transfer import Plan

COMMAND = ["sleep", "60"]
DESIGN_ORDER = [
    "name",
    "kind",
    "adapter",
    "role",
    "labels",
    "capabilities",
    "node",
    "command",
    "env",
    "cwd",
    "stdin",
    "auto_restart",
    "max_restarts",
    "restart_window",
    "backoff_initial",
    "backoff_max",
    "healthy_after",
    "stop_signal",
    "stop_grace",
    "heartbeat_interval",
    "memory_limit",
    "depends_on",
    "probes",
    "provider",
    "model",
    "system_prompt",
    "workspace",
    "allow_commands",
    "max_concurrent_tasks",
    "budget",
]


def stored(name: str, **setup: Any) -> Agent:
    agent = Agent(name=name, **({"command": COMMAND} | setup))
    setups.save(agent)
    return agent


def item(name: str = "worker", **keys: Any) -> dict[str, Any]:
    return {"name": name, "command": COMMAND} | keys


def problem(*items: Any) -> tuple[str, str, str]:
    """The only problem of a file with these agents."""
    (one,) = transfer.make_plan(items).problems
    return one.agent, one.key, one.message


def differences(plan: Plan) -> dict[str, tuple[Any, Any]]:
    (entry,) = plan.entries
    return {one.key: (one.before, one.after) for one in entry.differences}

"""How the fields of a set-up are grouped on an agent's page."""

from __future__ import annotations

from typing import Any, Final

from agents.models import Agent
from agents.models.setup_fields import COMMAND_FIELDS

COMMAND: Final = frozenset(COMMAND_FIELDS)

# What stands in a field's place for somebody who may read and not write it. The
# environment must never be shown as it is stored.
READ_INSTEAD: Final = {
    "command": "read_command",
    "env": "read_env",
    "cwd": "read_cwd",
    "labels": "read_labels",
    "capabilities": "read_capabilities",
    "probes": "read_probes",
    "depends_on": "read_depends_on",
}
SEEN: Final = (
    "shown_status",
    "since_when",
    "why",
    "how_known",
    "wanted",
    "tree",
    "latest_run",
    "restarts_in_words",
    "shown_conditions",
)


def fieldsets(agent: Agent | None, *, read_only: frozenset[str]) -> list[Any]:
    """What is seen (of an agent that exists), then the set-up in groups."""

    def shown(*names: str) -> tuple[str, ...]:
        return tuple(READ_INSTEAD[n] if n in read_only else n for n in names)

    hidden = () if read_only == frozenset(READ_INSTEAD) else ("based_on", "clone_of")
    locked = "command" in read_only
    groups: list[Any] = [
        (
            "Identity",
            {"fields": ("name", "role", *shown("labels", "capabilities"), *hidden)},
        ),
        (
            "Command",
            {
                "description": (
                    "What is run. You may read this and not change it: it needs the "
                    "permission to set commands."
                    if locked
                    else "What is run, with which environment, and where. Whoever "
                    "sets this runs programs as the hub's user."
                ),
                "fields": (*shown("command", "env", "cwd"), "stdin"),
            },
        ),
        (
            "Automatic restarts",
            {
                "description": (
                    "What happens when the program ends by itself. A stop that "
                    "somebody asked for is never followed by a restart."
                ),
                "fields": (
                    "auto_restart",
                    ("max_restarts", "restart_window"),
                    ("backoff_initial", "backoff_max"),
                    "healthy_after",
                ),
            },
        ),
        (
            "Stopping",
            {
                "description": (
                    "A stop sends the signal, waits, and then ends what is left of "
                    "all the agent's processes by KILL."
                ),
                "fields": (("stop_signal", "stop_grace"),),
            },
        ),
        (
            "Health",
            {
                "description": (
                    "What is looked at while it runs. A restart by a probe or by the "
                    "memory limit is a failure like any other: it waits, and counts "
                    "against the limit of automatic restarts."
                ),
                "fields": (*shown("probes"), ("memory_limit", "heartbeat_interval")),
            },
        ),
        (
            "Order",
            {
                "description": (
                    "Whoever starts this agent starts these too, and it waits for "
                    "them. Stopped together, it ends before they do."
                ),
                "fields": shown("depends_on"),
            },
        ),
    ]
    if agent is None:
        return groups
    seen = ("Now", {"fields": SEEN, "classes": ("hub-seen",)})
    records = ("Records", {"fields": ("revision", "made")})
    return [seen, *groups, records]

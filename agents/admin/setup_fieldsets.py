"""How the fields of a set-up are grouped on an agent's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from agents.models import Agent
from agents.models.choices import Kind
from agents.models.setup_fields import COMMAND_FIELDS

COMMAND: Final = frozenset(COMMAND_FIELDS)
# What stands in the form for these fields: themselves, or what is only read.
Shown: TypeAlias = Callable[..., tuple[str, ...]]

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
    "budget": "read_budget",
}
LOCKED: Final = (
    "You may read this and not change it: it needs the permission to set commands."
)
OTHER_KIND: Final = {
    Kind.PROCESS_WRAPPER: (
        "A program that the hub runs. For an agent that lives in the hub and asks a "
        'model, <a href="?kind=native_llm">set up a native agent</a>.'
    ),
    Kind.NATIVE_LLM: (
        "An agent that lives in the hub and asks a model. For one that is a program, "
        '<a href="?kind=process_wrapper">set up a program</a>.'
    ),
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

NOW: Final = ("Now", {"fields": SEEN, "classes": ("hub-seen",)})
RECORDS: Final = ("Records", {"fields": ("revision", "made")})
ELSEWHERE: Final = (
    "It was started elsewhere and has registered itself: the hub neither starts nor "
    "stops it, and it says itself what it is."
)


def fieldsets(
    agent: Agent | None, kind: str, *, read_only: frozenset[str]
) -> list[Any]:
    """What is seen (of an agent that exists), then the set-up in groups."""

    def shown(*names: str) -> tuple[str, ...]:
        return tuple(
            READ_INSTEAD.get(name, name) if name in read_only else name
            for name in names
        )

    if agent is not None and agent.external:
        return _registered(shown)
    native = kind == Kind.NATIVE_LLM
    hidden = () if read_only == frozenset(READ_INSTEAD) else ("based_on", "clone_of")
    named = ("name", *(() if agent is None else ("kind",)), "role")
    groups: list[Any] = [
        (
            "Identity",
            {
                "description": "" if agent is not None else OTHER_KIND[Kind(kind)],
                "fields": (*named, *shown("labels", "capabilities"), *hidden),
            },
        ),
        *(_model_and_work if native else _command)(shown, "env" in read_only),
        (
            "Automatic restarts",
            {
                "description": (
                    f"What happens when {'it' if native else 'the program'} ends by "
                    "itself. A stop that somebody asked for is never followed by a "
                    "restart."
                ),
                "fields": (
                    "auto_restart",
                    ("max_restarts", "restart_window"),
                    ("backoff_initial", "backoff_max"),
                    "healthy_after",
                ),
            },
        ),
        ("Stopping", _stopping(native)),
        (
            "Health",
            {
                "description": (
                    "What is looked at while it runs. A restart by a probe"
                    f"{'' if native else ' or by the memory limit'} is a failure like "
                    "any other: it waits, and counts against the limit of automatic "
                    "restarts."
                ),
                "fields": (
                    *shown("probes"),
                    (*(() if native else ("memory_limit",)), "heartbeat_interval"),
                ),
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
        (
            "Budget",
            {
                "description": (
                    "What it may spend on models, in USD. At 80 % people are warned; "
                    "at 100 % new work is refused and running work ends."
                ),
                "fields": shown("budget"),
            },
        ),
    ]
    if agent is None:
        return groups
    return [NOW, *groups, RECORDS]


def _registered(shown: Shown) -> list[Any]:
    """Of an agent that was started elsewhere: it says itself what it is."""
    return [
        NOW,
        (
            "Identity",
            {
                "description": ELSEWHERE,
                "fields": (*("name", "kind", "role"), *shown("labels", "capabilities")),
            },
        ),
        RECORDS,
    ]


def _command(shown: Shown, locked: bool) -> list[Any]:
    description = (
        "What is run, with which environment, and where. Whoever sets this runs "
        "programs as the hub's user."
    )
    fields = (*shown("command", "env", "cwd"), "stdin")
    return [
        (
            "Command",
            {"description": LOCKED if locked else description, "fields": fields},
        )
    ]


def _model_and_work(shown: Shown, locked: bool) -> list[Any]:
    description = (
        "Where its tools work, and what the programs that it runs are given. Whoever "
        "lets it run programs lets its model run them as the hub's user."
    )
    model = ("provider", "model", "system_prompt")
    fields = (*shown("workspace", "allow_commands", "env"), "max_concurrent_tasks")
    return [
        (
            "Model",
            {"description": "Whom it asks, and what it is told.", "fields": model},
        ),
        ("Work", {"description": LOCKED if locked else description, "fields": fields}),
    ]


def _stopping(native: bool) -> dict[str, Any]:
    if native:
        return {
            "description": (
                "A stop interrupts its tasks, waits, and then ends it where it stands, "
                "with all that its tools have started."
            ),
            "fields": ("stop_grace",),
        }
    return {
        "description": (
            "A stop sends the signal, waits, and then ends what is left of all the "
            "agent's processes by KILL."
        ),
        "fields": (("stop_signal", "stop_grace"),),
    }

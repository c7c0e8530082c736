"""Whether the hub itself can do what it is for: asked by whoever watches over it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import Error

from agents.services import nodes, presence

OWN_NODE = "local"


@dataclass(frozen=True, slots=True)
class HubHealth:
    """`live`: this process answers. `ready`: what is asked of it now will be done.

    `status`: `ok`; `degraded` while agents run on and nobody steers them; `down`
    while the database does not answer. `reasons`: empty exactly if it is ready.
    """

    status: str
    live: bool
    ready: bool
    reasons: tuple[str, ...]


def look() -> HubHealth:
    """How it is now; raises nothing, whatever the database does."""
    try:
        supervised = nodes.is_supervised(OWN_NODE)
    except Error as error:
        told = f"The database does not answer: {error}"
        return HubHealth("down", True, False, (told,))
    reasons = []
    if not supervised:
        reasons.append(
            "No supervisor is at work: nothing is started, stopped or watched. "
            "`manage.py hub` has one, unless it was started with --no-supervisor."
        )
    if trouble := presence.hardship(OWN_NODE):
        reasons.append(
            f"Since {trouble.since} the supervisor cannot write down what it sees: "
            f"{trouble.reason}"
        )
    ready = not reasons
    return HubHealth("ok" if ready else "degraded", True, ready, tuple(reasons))

"""`If-Match`: a change that is made only to the set-up that its author has read.

The tag is of the row and its revision, so one that was deleted and made again under
the same name is another, and a secret that has changed is told without being shown.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.http import parse_etags

from agents.api.problems import Problem
from agents.models import Agent

HEADER: Final[dict[str, Any]] = {
    "ETag": {
        "description": "Of the set-up. Send it back as `If-Match` with a change or a "
        "deletion, and it is refused (412) if somebody else was faster.",
        "required": True,
        "schema": {"type": "string", "pattern": r'^"\d+\.\d+"$'},
    }
}


def tag(agent: Agent) -> str:
    """The tag of its set-up as it is."""
    return f'"{agent.pk}.{agent.revision}"'


def documented() -> list[dict[str, Any]]:
    """For the `parameters` of `openapi_extra`."""
    return [
        {
            "in": "header",
            "name": "If-Match",
            "required": False,
            "description": "The `ETag` of the set-up that this is meant for.",
            "schema": {"type": "string"},
        }
    ]


def check(request: HttpRequest, agent: Agent) -> None:
    """Call it with the row locked; raises Problem where it is another revision."""
    wanted = request.headers.get("If-Match")
    if wanted is None or {"*", tag(agent)} & set(parse_etags(wanted)):
        return
    raise Problem(
        412,
        f"The set-up of {agent.name} is not the one that you have read. "
        f"GET agents/{agent.name}/setup and make your change to that.",
    )

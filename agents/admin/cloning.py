"""A new agent's form filled in from one that exists."""

from __future__ import annotations

import re
from typing import Any, Final

from agents.models import Agent
from agents.models.setup_fields import SETUP_FIELDS

LONGEST: Final = 63


def initial_of_clone(source_id: str) -> dict[str, Any]:
    """The source's set-up under a free name; nothing if there is no such agent."""
    if not (source_id.isascii() and source_id.isdecimal() and len(source_id) < 19):
        return {}
    source = Agent.objects.startable().filter(pk=int(source_id)).first()
    if source is None:
        return {}
    values = {name: getattr(source, name) for name in SETUP_FIELDS}
    return {**values, "name": free_name(source.name), "clone_of": source.pk}


def free_name(name: str) -> str:
    """`worker-2` for `worker`, or the next number that is free."""
    stem = re.sub(r"-\d+$", "", name)
    taken = {
        one.lower()
        for one in Agent.objects.filter(
            name__istartswith=stem[: LONGEST - 8]
        ).values_list("name", flat=True)
    }
    number = 2
    while True:
        ending = f"-{number}"
        free = stem[: LONGEST - len(ending)] + ending
        if free.lower() not in taken:
            return free
        number += 1

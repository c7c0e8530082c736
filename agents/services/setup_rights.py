"""Which changes of a set-up say what is run: they take the right to define commands.

What may enter: the rule alone, for every door; who has the right, the door knows.
"""

from __future__ import annotations

from agents.models import Agent
from agents.models.setup_fields import COMMAND_FIELDS
from agents.policy import probes


def command_fields(before: Agent, after: Agent) -> list[str]:
    """The fields in which `after` has something run that `before` has not."""
    found = [
        name for name in COMMAND_FIELDS if getattr(before, name) != getattr(after, name)
    ]
    if sets_a_program(before.probes, after.probes):
        found.append("probes")
    return found


def sets_a_program(before: object, after: object) -> bool:
    """Whether these probes have a program run that those before have not."""
    known = probes.commands(before)
    return any(one not in known for one in probes.commands(after))

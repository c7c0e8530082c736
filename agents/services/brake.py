"""The fleet brake: whether it is pulled, for whoever begins something.

It is a row, so it holds over any restart. The claim of a task asks for it in the query
it makes anyway, the supervisor once it has changed.
"""

from __future__ import annotations

from django.db.models import Exists

from agents.models import Brake
from agents.policy import brake as rules
from agents.policy.clock import Moment


def pulled() -> Brake | None:
    """The brake that holds now; None while none does."""
    return Brake.objects.filter(pulled=True).first()


def as_seen() -> rules.Brake:
    """The same, as the supervisor takes it."""
    found = pulled()
    return rules.RELEASED if found is None else as_rule(found)


def as_rule(found: Brake) -> rules.Brake:
    """A brake that is pulled, as policy knows it."""
    moment = Moment(found.made_boot, found.made_boot_seconds)
    return rules.Brake(moment, words(found))


def holds() -> Exists:
    """For a query that is made anyway: whether a brake is pulled."""
    return Exists(Brake.objects.filter(pulled=True))


def interrupts() -> Exists:
    """Likewise: whether one is pulled that interrupts work which has begun."""
    return Exists(Brake.objects.filter(pulled=True, interrupts=True))


def words(found: Brake) -> str:
    """By whom it was pulled and why, in a few words."""
    return rules.in_words(found.pulled_by, found.reason)

"""What forms that ask for work say of its phase."""

from __future__ import annotations

from django.http import QueryDict

from agents.services import phases
from agents.services.phases import Phase


def phase(given: QueryDict) -> Phase:
    """The barriers that were typed; parties are names or a number, with commas."""
    words = given.get("parties", "").replace(",", " ").split()
    barrier, after = (given.get(name, "").strip() for name in ("barrier", "after"))
    return Phase(barrier, phases.parties_of(words), after)

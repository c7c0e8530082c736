"""The read side of the fleet brake: what every page says of it."""

from __future__ import annotations

from dataclasses import dataclass

from agents.models import Brake
from agents.policy.dependencies import listed
from agents.services import brake, figures
from agents.services.figures import Stamp, counted


@dataclass(frozen=True, slots=True)
class BrakeView:
    """A brake that is pulled. `what`: what became of agents and work."""

    by: str
    since: Stamp
    reason: str
    what: str
    ended: str


def view() -> BrakeView | None:
    """The brake that holds now; None while none does."""
    found = brake.pulled()
    if found is None:
        return None
    work = "was interrupted" if found.interrupts else "may finish"
    return BrakeView(
        by=found.pulled_by,
        since=figures.stamp(found.pulled_at),
        reason=found.reason,
        what=f"No work begins, and nothing starts by itself. What had begun {work}.",
        ended=_ended(found),
    )


def _ended(found: Brake) -> str:
    """`It stopped web, api and 3 more, and interrupted 2 tasks.`"""
    names = [one["name"] for one in found.stopped]
    said = [f"stopped {listed(names)}"] if names else []
    if found.interrupted:
        said.append(f"interrupted {counted(len(found.interrupted), 'task')}")
    if found.awaited:
        said.append(
            f"stops {counted(len(found.awaited), 'agent')} when their work ends"
        )
    return f"It {' and '.join(said)}." if said else ""

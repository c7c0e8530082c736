"""`agents locks`: who has which files, and who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.management.agentctl import selection
from agents.management.agentctl.terminal import NARROW, ROOMY, Column, Terminal
from agents.models import FileLock
from agents.models.choices import ClaimStateChoice
from agents.services import lock_shapes, locks

COLUMNS: Final = (
    Column("Lock", right=True),
    Column("State"),
    Column("Agent", fold=True),
    Column("Task", right=True, least_width=NARROW),
    Column("Files", fold=True),
    Column("Mode", least_width=ROOMY),
    Column("For whom", least_width=NARROW),
    Column("Workspace", least_width=ROOMY),
)


def show_locks(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Locks that are held or waited for, in the order in which they were asked for."""
    locks.end_leases()
    chosen = selection.by_name(options["names"])
    rows = FileLock.objects.filter(released_at=None).order_by("pk")
    rows = rows.exclude(claim__state=ClaimStateChoice.ENDED)
    if options["names"]:
        rows = rows.filter(claim__agent__in=[agent.pk for agent in chosen.agents])
    found = lock_shapes.listed(list(lock_shapes.readable(rows)))
    if terminal.as_json:
        terminal.json(found)
    elif found:
        terminal.table(COLUMNS, [_row(one) for one in found])
    elif chosen.agents or not options["names"]:
        terminal.note("Nobody has a lock, and nobody waits for one.")
    for problem in chosen.unknown.values():
        terminal.note(problem)
    return 1 if chosen.unknown else 0


def _row(lock: Mapping[str, Any]) -> list[str]:
    waits = list(dict.fromkeys(one["agent"] for one in lock["waits_for"]))
    return [
        str(lock["id"]),
        lock["state"],
        lock["agent"],
        str(lock["task"] or ""),
        lock["pattern"],
        lock["mode"],
        ", ".join(waits),
        lock["workspace"],
    ]

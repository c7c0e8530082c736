"""`agents batch` and `agents batches`: many agents asked as one job, and what came."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from agents.management.agentctl import selection, supervision
from agents.management.agentctl.asker import who
from agents.management.agentctl.phase_parser import phase
from agents.management.agentctl.terminal import Column, Terminal
from agents.models import Batch
from agents.models.choices import BatchActionChoice, BatchStateChoice, ItemStateChoice
from agents.services import batch_view, batches, changes
from agents.services.batches import CannotBatch, Wanted
from agents.services.figures import counted
from agents.services.lifecycle import Asker
from agents.services.tasks import Ask

EVERY: Final = 0.1
LISTED: Final = 50
NO_SUPERVISOR: Final = (
    f"No supervisor is running: the batch is kept; {supervision.START_ONE}."
)


def make(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Record a batch; with --wait until it is over, 0 only if none has failed."""
    chosen = selection.for_action(options)
    action = BatchActionChoice(options["action"])
    works = action == BatchActionChoice.ASK
    wanted = Wanted(
        action,
        chosen.agents,
        ask=Ask(options["prompt"] or "", phase=phase(options)) if works else None,
        at_once=options["at_once"],
        patience=options["patience"],
        whom=_whom(options),
        unknown=chosen.unknown,
    )
    try:
        batch = batches.make(wanted, _asker(options))
    except CannotBatch as error:
        terminal.note(str(error))
        return 1
    supervised = supervision.is_there()
    if not supervised:
        terminal.note(NO_SUPERVISOR)
    if options["wait"] is not None:
        return _wait(batch, options["wait"] if supervised else 0.0, terminal)
    _say(batch, terminal)
    return 0


def show(options: Mapping[str, Any], terminal: Terminal) -> int:
    """The newest batches, or one; with --cancel, begin nothing more of it."""
    if options["id"] is None:
        found = Batch.objects.order_by("-pk")[:LISTED]
        _list(list(found), terminal)
        return 0
    batch = Batch.objects.filter(pk=options["id"]).first()
    if batch is None:
        terminal.note(f"There is no batch {options['id']}.")
        return 1
    if options["cancel"]:
        batch = batches.cancel(batch.pk, _asker(options))
    _say(batch, terminal)
    return 0


def _wait(batch: Batch, timeout: float, terminal: Terminal) -> int:
    """Ctrl-C and the end of the time leave it as it is."""
    deadline, glance = time.monotonic() + timeout, changes.Glance()
    try:
        while batch.state == BatchStateChoice.RUNNING:
            if glance.anything_new():
                batch.refresh_from_db()
            left = deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(EVERY, left))
    except KeyboardInterrupt:
        terminal.note("No longer waiting; the batch goes on.")
    batch.refresh_from_db()
    _say(batch, terminal)
    counts = batch_view.counts_of([batch.pk])[batch.pk]
    well = counts[ItemStateChoice.DONE] == sum(counts.values())
    return 0 if well else 1


def _say(batch: Batch, terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.json(batch_view.whole_shape(batch))
        return
    detail = batch_view.detail(batch.pk)
    if detail is None:
        terminal.note(f"Batch {batch.pk} is not kept any more.")
        return
    row = detail.row
    told = ", ".join(f"{one.count} {one.label.lower()}" for one in row.counts)
    terminal.say(f"batch {row.id}: {row.title}, {row.state_label.lower()} ({told})")
    if detail.held:
        terminal.say(detail.held)
    columns = (Column("Agent"), Column("Outcome"), Column("Took"), Column("Why"))
    if shown := [one for one in detail.items if one.detail or one.began]:
        lines = [[one.agent, one.state_label, one.took, one.detail] for one in shown]
        terminal.table(columns, lines)


def _list(found: list[Batch], terminal: Terminal) -> None:
    counts = batch_view.counts_of(one.pk for one in found)
    if terminal.as_json:
        shapes = [batch_view.batch_shape(one, counts[one.pk]) for one in found]
        terminal.json(shapes)
        return
    if not found:
        terminal.say("No batches yet.")
        return
    columns = (
        *(Column("Batch", right=True), Column("What"), Column("Whom")),
        *(Column("State"), Column("Done"), Column("By")),
    )
    lines = [
        [
            *(str(row.id), row.title, row.whom, row.state_label),
            *(f"{row.ended} of {row.total}", row.by),
        ]
        for row in batch_view.rows(one.pk for one in found)
    ]
    terminal.table(columns, lines)


def _whom(options: Mapping[str, Any]) -> str:
    if options["names"]:
        return f"{counted(len(set(options['names'])), 'agent')} by name"
    labels = [f"{key}={value}" for key, value in options["label"] or ()]
    return ", ".join(labels) or "all agents"


def _asker(options: Mapping[str, Any]) -> Asker:
    return Asker(actor=who(), via="command", reason=options["reason"])

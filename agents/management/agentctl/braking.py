"""`agents brake|release`: everything paused by one command, and let go by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.management.agentctl import supervision
from agents.management.agentctl.asker import who
from agents.management.agentctl.terminal import Terminal
from agents.models import Brake
from agents.services import brake_pulls as services
from agents.services.brake import pulled
from agents.services.brake_pulls import CannotBrake, NotPulled, Pull
from agents.services.figures import counted, stamp
from agents.services.lifecycle import Asker
from agents.services.shapes import brake_shape

PATIENCE = 60.0


def brake(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Pull it; without a reason: say how it is, with exit code 1 while it is pulled."""
    if options["reason"] is None:
        found = pulled()
        _say(found, terminal)
        return int(found is not None)
    how = Pull(stop=options["stop"], finish=options["finish"])
    try:
        found, new = services.pull(how, _asker(options))
    except CannotBrake as error:
        terminal.note(str(error))
        return 1
    if not new:
        terminal.note("It was pulled already: nothing has changed.")
    elif not supervision.is_there():
        _stop_here(found, terminal)
    _say(found, terminal)
    return 0


def release(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Release it; not pulled is no failure."""
    try:
        found = services.release(_asker(options), go_on=options["go_on"])
    except CannotBrake as error:
        terminal.note(str(error))
        return 1
    except NotPulled as error:
        terminal.note(str(error))
        _say(None, terminal)
        return 0
    if terminal.as_json:
        terminal.json(brake_shape(found))
        return 0
    terminal.say("The fleet brake is released.")
    if found.went_on and not supervision.is_there():
        terminal.note(f"No supervisor is running; {supervision.START_ONE}.")
    return 0


def _stop_here(found: Brake, terminal: Terminal) -> None:
    """Nobody supervises: this process does, until they are stopped."""
    ids = [one["agent"] for one in found.stopped]
    if not ids:
        return
    terminal.note("No supervisor is running: this command stops the agents.")
    if supervision.settle_here(supervision.LOCAL, ids, PATIENCE) is False:
        terminal.note("Some are not stopped yet: see `manage.py agents status`.")


def _say(found: Brake | None, terminal: Terminal) -> None:
    if terminal.as_json:
        terminal.json(brake_shape(found))
        return
    if found is None:
        terminal.say("The fleet brake is not pulled.")
        return
    since = stamp(found.pulled_at).text
    terminal.say(f"The fleet brake is pulled since {since} by {found.pulled_by}:")
    terminal.say(f"  {found.reason}")
    work = "is interrupted" if found.interrupts else "may finish"
    terminal.say(f"No work begins. What had begun {work}.")
    if found.stops:
        stopped = counted(len(found.stopped), "agent")
        terminal.say(f"{stopped} stopped.")


def _asker(options: Mapping[str, Any]) -> Asker:
    return Asker(actor=who(), via="command", reason=options["reason"])

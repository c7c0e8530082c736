"""`agents export|import`: set-ups between files and the hub."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from agents.management.agentctl.terminal import Terminal
from agents.models import Agent
from agents.services import setup_files, transfer
from agents.services.figures import counted
from agents.services.transfer import Difference, Entry, Plan, Step

DONE = {Step.CREATE: "created", Step.CHANGE: "changed", Step.UNCHANGED: "unchanged"}
WOULD = {
    Step.CREATE: "would be created",
    Step.CHANGE: "would be changed",
    Step.UNCHANGED: "unchanged",
}
# A value longer than this is cut where it is shown.
LONGEST = 120


def export_agents(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Write all set-ups to a file or to stdout."""
    agents = transfer.export(Agent.objects.startable().order_by("name"))
    write = setup_files.as_json if terminal.as_json else setup_files.as_yaml
    text = write(agents)
    target = options["file"]
    if target in (None, "-"):
        terminal.raw(text.encode())
        return 0
    try:
        _write_whole(Path(target), text)
    except OSError as error:
        terminal.note(f"{target} cannot be written: {error.strerror or error}")
        return 1
    terminal.note(f"{counted(len(agents), 'agent')} written to {target}.")
    return 0


def import_agents(options: Mapping[str, Any], terminal: Terminal) -> int:
    """Plan what a file says and, but for a dry run, do it."""
    source, dry = options["file"], bool(options["dry_run"])
    try:
        items = setup_files.parse(_read(source))
        plan = transfer.make_plan(items) if dry else transfer.carry_out(items)
    except OSError as error:
        return _unusable(source, error.strerror or str(error), terminal)
    except setup_files.Unreadable as error:
        return _unusable(source, str(error), terminal)
    except (ValidationError, IntegrityError) as error:
        # Somebody else changed an agent in the very moment.
        return _unusable(source, f"{error}. Nothing was written; try again", terminal)
    if terminal.as_json:
        terminal.json(_plan_shape(plan, dry))
    else:
        _say_plan(plan, dry, terminal)
    for problem in plan.problems:
        key = f" {problem.key}:" if problem.key else ""
        terminal.note(f"{problem.agent}:{key} {problem.message}")
    if plan.problems:
        count = counted(len(plan.problems), "problem")
        terminal.note(f"{source}: {count}; nothing was written.")
    return 1 if plan.problems else 0


def _read(source: str) -> bytes:
    most = setup_files.MOST_BYTES + 1
    if source == "-":
        return sys.stdin.buffer.read(most)
    with open(source, "rb") as file:
        return file.read(most)


def _unusable(source: str, problem: str, terminal: Terminal) -> int:
    if terminal.as_json:
        shown = {"agent": None, "key": None, "message": problem}
        terminal.json({"written": False, "agents": [], "problems": [shown]})
    terminal.note(f"{source}: {problem}.")
    return 1


def _write_whole(path: Path, text: str) -> None:
    """All of it or nothing, readable by nobody else: a command line may tell much."""
    path = path.resolve()
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        path.write_text(text)  # Such as /dev/stderr: never to be replaced.
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _plan_shape(plan: Plan, dry: bool) -> dict[str, Any]:
    return {
        "written": not dry and not plan.problems,
        "agents": [
            {
                "name": entry.name,
                "step": entry.step,
                "changes": {
                    one.key: {"from": one.before, "to": one.after}
                    for one in entry.differences
                },
                "warnings": entry.warnings,
            }
            for entry in plan.entries
        ],
        "problems": [
            {"agent": one.agent, "key": one.key, "message": one.message}
            for one in plan.problems
        ],
    }


def _say_plan(plan: Plan, dry: bool, terminal: Terminal) -> None:
    words = WOULD if dry else DONE
    for entry in plan.entries:
        if entry.step is not Step.UNCHANGED:
            terminal.say(f"{entry.name}: {words[entry.step]}{_later(entry)}")
            for one in entry.differences:
                terminal.say(f"  {_difference(one, entry.step)}")
        for warning in entry.warnings:
            terminal.note(f"{entry.name}: {warning}")
    if plan.problems:
        return
    counts = [
        f"{count} {words[step]}"
        for step in Step
        if (count := sum(entry.step is step for entry in plan.entries))
    ]
    terminal.say(", ".join(counts) or "The file names no agents.")


def _later(entry: Entry) -> str:
    return " (runs the older set-up until restarted)" if entry.restart else ""


def _difference(one: Difference, step: Step) -> str:
    if one.before == one.after:
        return f"{one.key}: another value"  # A secret: the masks are the same.
    if step is Step.CREATE:
        return f"{one.key}: {_shown(one.after)}"
    return f"{one.key}: {_shown(one.before)} -> {_shown(one.after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"

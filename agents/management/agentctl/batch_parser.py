"""The part of the command line that is about batches."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from agents.management.agentctl import phase_parser
from agents.management.agentctl.quantities import count, seconds, task_id
from agents.models.choices import BatchActionChoice
from agents.services import batches

Add = Callable[[str, str], argparse.ArgumentParser]
AddChoice = Callable[[argparse.ArgumentParser], None]


def build(add: Add, add_choice: AddChoice) -> None:
    """Add the subcommands; `add_choice`: how agents are chosen."""
    make = add("batch", "ask many agents as one job, a few at once")
    make.add_argument("action", choices=BatchActionChoice.values)
    add_choice(make)
    make.add_argument(
        "--at-once",
        type=count,
        default=batches.AT_ONCE,
        metavar="N",
        help=f"under way at most; default {batches.AT_ONCE}",
    )
    make.add_argument(
        "--patience",
        type=seconds,
        metavar="S",
        help="seconds in which each has to have its outcome",
    )
    make.add_argument("--prompt", metavar="TEXT", help="of `ask`: what is to be done")
    phase_parser.build(make)
    listing = add("batches", "the newest batches, or what became of one")
    listing.add_argument("id", nargs="?", type=task_id, metavar="ID")
    listing.add_argument(
        "--cancel", action="store_true", help="begin nothing more of this one"
    )
    listing.add_argument("--reason", default="", help="kept with the batch")

"""The part of the command line that is about phases of work."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from agents.services import phases
from agents.services.phases import Phase


def build(command: argparse.ArgumentParser) -> None:
    """Add the options to a subcommand that asks for work."""
    command.add_argument(
        "--barrier",
        default="",
        metavar="BARRIER",
        help="where the agent arrives once it has succeeded",
    )
    command.add_argument(
        "--parties",
        nargs="+",
        default=(),
        metavar="NAME",
        help="who meet there, by name or as a number; of a new barrier",
    )
    command.add_argument(
        "--after",
        default="",
        metavar="BARRIER",
        help="begin only once all have arrived there",
    )


def phase(options: Mapping[str, Any]) -> Phase:
    """What these options say."""
    parties = phases.parties_of(options["parties"])
    return Phase(options["barrier"], parties, options["after"])

"""What is written to a program, and what is told of it."""

from __future__ import annotations

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from agents.services.standard_input import MOST


class InputIn(Schema):
    """A text for the program to read."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str,
        Field(
            min_length=1,
            description="Written as UTF-8 with nothing added: who reads lines waits "
            f"for the line's end. At most {MOST:,} bytes; more is refused with 413.",
            examples=["status\n"],
        ),
    ]


class InputOut(Schema):
    """The program has it to read now; whether it has read it is not known."""

    run: int = Field(description="The number of the run it was written to.")
    bytes: int

"""Where a command's words go: stdout for what was asked for, stderr for the rest.

A person's terminal gets tables with colour, a pipe gets plain aligned text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, Final, cast

from django.core.management.base import OutputWrapper

from agents.management.agentctl.wording import printable

if TYPE_CHECKING:  # Loading rich costs more than most of these commands.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# Status is always a word, an icon and a colour, here as on the pages.
LOOKS: Final[dict[str, tuple[str, str]]] = {
    "running": ("●", "green"),
    "starting": ("◔", "cyan"),
    "stopping": ("◑", "cyan"),
    "backoff": ("↻", "yellow"),
    "stopped": ("○", "default"),
    "crashed": ("✖", "red"),
    "unknown": ("?", "magenta"),
    # Of tasks; what is running looks as an agent does.
    "queued": ("◷", "default"),
    "waiting_for_lock": ("◷", "yellow"),
    "succeeded": ("✔", "green"),
    "failed": ("✖", "red"),
    "cancelled": ("⊘", "default"),
    "timed_out": ("⧖", "yellow"),
    "interrupted": ("‖", "magenta"),
    # Of tokens.
    "valid": ("✔", "green"),
    "expired": ("⧖", "yellow"),
    "revoked": ("⊘", "default"),
    "disabled": ("⊘", "red"),
}
# A table has no room for more than these below so many columns.
ROOMY: Final = 100
NARROW: Final = 70
LEAST_WIDTH: Final = 12
GAP: Final = 2
ICON: Final = 2
STDOUT: Final = 1


def look(status: str) -> tuple[str, str]:
    """The status's icon and colour."""
    return LOOKS.get(status, ("?", "default"))


@dataclass(frozen=True, slots=True)
class Column:
    """`least_width`: the terminal's width from which on it is shown."""

    title: str
    right: bool = False
    least_width: int = 0
    status: bool = False
    fold: bool = False


class Terminal:
    """What a command may say, and how."""

    def __init__(
        self, stdout: OutputWrapper, stderr: OutputWrapper, options: dict[str, Any]
    ) -> None:
        self.as_json = bool(options.get("json"))
        self.out = stdout
        self.err = stderr
        self._no_color = bool(options.get("no_color"))
        self._force_color = bool(options.get("force_color"))
        # These are no longer lines of a log: nothing is added to what is written.
        for stream in (stdout, stderr):
            stream.ending = ""
            stream.style_func = None
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="backslashreplace")

    @property
    def rich(self) -> bool:
        """Whether a person looks at stdout, and wants to see tables."""
        return not self.as_json and (self.out.isatty() or self._force_color)

    @property
    def progress(self) -> bool:
        """Whether a person looks at stderr while waiting."""
        return not self.as_json and self.err.isatty()

    def say(self, line: str = "") -> None:
        """A line of the answer, for people."""
        if not self.as_json:
            self.out.write(printable(line) + "\n")

    def note(self, line: str) -> None:
        """A line beside the answer: stderr, in JSON mode too."""
        self.err.write(printable(line) + "\n")

    def text(self, text: str) -> None:
        """Some lines of somebody else's text, set in."""
        for line in text.splitlines():
            self.say(f"   {line}")

    def stream(self, text: str) -> None:
        """Somebody else's words as they come, beside the answer: stderr, at once."""
        clean = "\n".join(printable(line) for line in text.split("\n"))
        self.err.write(clean)
        self.err.flush()

    def json(self, data: Any) -> None:
        """The answer, for programs."""
        self.out.write(json.dumps(data, indent=2) + "\n")

    def raw(self, data: bytes) -> None:
        """Bytes as they are, at once."""
        self.out.flush()
        buffer = getattr(self.out, "buffer", None)
        if buffer is None:  # A program's own stream, such as a StringIO.
            self.out.write(data.decode(errors="replace"))
            return
        buffer.write(data)
        buffer.flush()

    @property
    def descriptor(self) -> int | None:
        """Of stdout; None where it is no file of the system."""
        buffer = getattr(self.out, "buffer", None)
        try:
            return None if buffer is None else int(buffer.fileno())
        except OSError:
            return None

    def forget_stdout(self) -> None:
        """The reader has left: what is still to be written must not fail at exit."""
        if self.descriptor == STDOUT:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), STDOUT)

    @cached_property
    def console(self) -> Console:
        """rich's view of stdout; NO_COLOR is its own business."""
        return self._console(self.out)

    @cached_property
    def error_console(self) -> Console:
        """rich's view of stderr."""
        return self._console(self.err)

    def _console(self, stream: OutputWrapper) -> Console:
        from rich.console import Console

        return Console(
            file=cast("IO[str]", stream),
            no_color=True if self._no_color else None,
            force_terminal=True if self._force_color else None,
            highlight=False,
        )

    def status_text(self, status: str) -> Text:
        """Icon, word and colour."""
        from rich.text import Text

        icon, colour = look(status)
        return Text(f"{icon} {status}", style=colour)

    def status_line(self, name: str, status: str, more: str = "") -> None:
        """One agent in one line; `more` may say the status itself."""
        if self.rich:
            from rich.text import Text

            icon, colour = look(status)
            line = Text.assemble((f"{icon} ", colour))
            self.console.print(line.append(printable(one_line(name, status, more))))
        else:
            self.say(one_line(name, status, more))

    def block(self, title: str, status: str, pairs: Sequence[tuple[str, str]]) -> None:
        """One agent in full: a title with its status, then a line for each fact."""
        width = max(len(key) for key, _ in pairs)
        if self.rich:
            from rich.text import Text

            head = Text.assemble((printable(title), "bold"), "  ")
            self.console.print(head.append_text(self.status_text(status)))
            for key, value in pairs:
                line = Text(printable(value))
                label = Text(f"  {key.ljust(width)}  ", style="dim")
                self.console.print(_side_by_side(label, line))
            return
        self.say(f"{title}: {status}")
        for key, value in pairs:
            self.say(f"  {key.ljust(width)}  {value}")

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """A table: with rich for a person, aligned text for a pipe."""
        clean = [[printable(cell) for cell in row] for row in rows]
        if self.rich:
            self._rich_table(columns, clean)
        else:
            self.out.write(plain_table(columns, clean))

    def _rich_table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]]
    ) -> None:
        from rich.table import Table
        from rich.text import Text

        room = self.console.width
        shown = [i for i, column in enumerate(columns) if column.least_width <= room]
        pads = (0, GAP, 0, 0)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=pads)
        widths = fitted([columns[i] for i in shown], _picked(rows, shown), room)
        for index, width in zip(shown, widths, strict=True):
            column = columns[index]
            table.add_column(
                column.title,
                width=width,
                justify="right" if column.right else "left",
                overflow="fold" if column.fold else "ellipsis",
                no_wrap=not column.fold,
            )
        for row in rows:
            table.add_row(
                *(
                    self.status_text(row[index])
                    if columns[index].status
                    else Text(row[index])
                    for index in shown
                )
            )
        self.console.print(table)


def _picked(rows: Sequence[Sequence[str]], shown: Sequence[int]) -> list[list[str]]:
    return [[row[index] for index in shown] for row in rows]


def fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int
) -> list[int]:
    """The columns' widths: where there is not enough room, the last gives way."""
    titles = [column.title for column in columns]
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    for place, column in enumerate(columns):
        widths[place] += ICON if column.status else 0
    excess = sum(widths) + GAP * (len(widths) - 1) - room
    folding = [place for place, column in enumerate(columns) if column.fold]
    for place in (len(columns) - 1, *folding):
        spare = max(0, min(excess, widths[place] - LEAST_WIDTH))
        widths[place] -= spare
        excess -= spare
    return widths


def one_line(name: str, status: str, more: str) -> str:
    """One agent in plain words; `more` may say the status itself."""
    comma = ", " if more else ""
    return f"{name}: {more if status in more else f'{status}{comma}{more}'}"


def _side_by_side(label: Text, value: Text) -> Table:
    """A label and a value that wraps beside it, not below it."""
    from rich.table import Table

    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(label, value)
    return grid


def plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """Aligned text: a line of titles, then the rows; nothing is cut."""
    lines = [[column.title.upper() for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "".join(
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        + "\n"
        for line in lines
    )

"""A run's output as lines of HTML, from a cursor on, in bounded pieces.

What may enter: how much of an output file is shown and where a reader goes on. Both
the page that opens and the page that follows read through here. Blocking.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from agents.policy.ansi import PLAIN, Style
from agents.policy.terminal import Line, render_lines, to_html
from agents.services import figures
from agents.services.logs import Chunk, LogStore

READ: Final = 64 * 1024
# A reader this far behind is taken forward: a person cannot read so fast.
BACKLOG: Final = 192 * 1024
MOST_LINES: Final = 300
TAIL_LINES: Final = 300


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a reader of one stream is: what it shows, and the size it last saw."""

    offset: int = 0
    style: Style = PLAIN
    seen: int = -1


@dataclass(frozen=True, slots=True)
class Piece:
    """Finished lines, the line that is still being written, and where to go on."""

    html: str
    partial: str
    cursor: Cursor


def tail(
    store: LogStore, folder: str, stream: str, download: str, *, final: bool
) -> Piece:
    """The newest lines, with a note when there are earlier ones."""
    try:
        return _tail(store, folder, stream, download, final=final)
    except (OSError, ValueError) as error:
        # The agent may have put something else in the file's place.
        return Piece(_note(f"It cannot be read: {error}"), "", Cursor())


def _tail(
    store: LogStore, folder: str, stream: str, download: str, *, final: bool
) -> Piece:
    extent = store.extent(folder, stream)
    begin = store.tail_offset(folder, stream, TAIL_LINES)
    note = ""
    if begin > 0:
        gone = "" if extent.start == 0 else ", the oldest are not kept any more"
        note = _note(f"{figures.size(begin)} of earlier lines{gone}", download)
    html, partial, cursor = "", "", Cursor(begin, PLAIN, -1)
    # A few reads at most: the lines of the tail may be long.
    for _ in range(8):
        piece = follow(store, folder, stream, cursor, download, final=final)
        if piece is None:
            break
        html, partial, cursor = html + piece.html, piece.partial, piece.cursor
    return Piece(note + html, partial, cursor)


def follow(
    store: LogStore,
    folder: str,
    stream: str,
    cursor: Cursor,
    download: str,
    *,
    final: bool,
) -> Piece | None:
    """What came after the cursor; None when there is nothing new.

    `final`: nothing more will be written, so that the last line counts as finished.
    """
    end = store.extent(folder, stream).end
    if end == cursor.seen and not (final and cursor.offset < end):
        return None
    offset, style = cursor.offset, cursor.style
    if end - offset > BACKLOG:
        offset = max(offset, store.tail_offset(folder, stream, MOST_LINES))
        style = PLAIN
    chunk = store.read(folder, stream, offset, READ)
    if chunk.offset != offset:
        style = PLAIN
    ended = final and chunk.eof
    rendered = render_lines(chunk.data, chunk.offset, final=ended, style=style)
    lines = rendered.lines[-MOST_LINES:]
    first = lines[0].offset if lines else rendered.next_offset
    skipped = first - cursor.offset
    note = _note(f"{figures.size(skipped)} skipped", download) if skipped > 0 else ""
    html = note + "".join(_line(line, stream) for line in lines)
    return Piece(
        html=html,
        partial=_partial(chunk, rendered.next_offset, rendered.style),
        # At the end of the file its size is what was read; else there is more to do.
        cursor=Cursor(
            rendered.next_offset, rendered.style, chunk.next_offset if chunk.eof else -1
        ),
    )


def _partial(chunk: Chunk, begin: int, style: Style) -> str:
    rest = chunk.data[begin - chunk.offset :]
    if not rest or not chunk.eof:
        return ""
    lines = render_lines(rest, begin, final=True, style=style).lines
    return "".join(to_html(line) for line in lines[:1])


def _line(line: Line, stream: str) -> str:
    return f'<div class="line {stream}">{to_html(line)}</div>'


def _note(text: str, download: str = "") -> str:
    link = f' · <a href="{escape(download)}" download>download all of it</a>'
    return f'<div class="line note">… {escape(text)}{link if download else ""}</div>'

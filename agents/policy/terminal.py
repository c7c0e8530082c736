"""A program's raw output as lines that are safe to show and look as they were meant.

Pure and without memory of its own: whoever reads an output file passes bytes and their
offset, and goes on from the offset (and style) it gets back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import Final

from agents.policy.ansi import PLAIN, Style, apply_sgr, classes

MAX_LINE: Final = 4096
"""Bytes of a line that are shown; the rest is counted in `Line.cut`."""

LONGEST_PIECE: Final = 32 * 1024
"""A longer line is shown in pieces, each a `Line`. A reader that always passes at least
`ENOUGH` bytes (or `final`) therefore always advances, and never holds a whole line."""

ENOUGH: Final = LONGEST_PIECE + 2  # room for the line's own "\r\n"

_LONGEST_ESCAPE: Final = 256  # looked for when a line is cut into pieces

# Unfinished CSI sequences are dropped. An unfinished string (OSC, DCS and their kin) is
# shown, because dropping it would hide everything up to the end of the line.
_TOKEN: Final = re.compile(
    rb"(?P<text>[^\x08\n\r\x1b]+)"
    rb"|\x1b\[(?P<csi>[0-?]*[ -/]*[@-~]?)"
    rb"|(?P<other>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1b[ -/]+[0-~]|\x1b[0-OQ-WYZ\\`-~])"
    rb"|(?P<control>[\x08\r\x1b])"
)
# Bounded, because int() takes long over huge numbers and then refuses them.
_SGR: Final = re.compile(rb"([0-9:;]{0,200})m")

# Bidirectional overrides can make a line read as something else than it says.
_VISIBLE: Final = {
    **{code: 0x2400 + code for code in range(0x20) if code != 0x09},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Text in one style; the style is a tuple of CSS class names."""

    text: str
    style: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line, from its byte offset in the file; `cut` bytes of it are not shown."""

    offset: int
    spans: tuple[Span, ...]
    cut: int = 0

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Lines, and where (and in which style) the next call has to go on."""

    lines: tuple[Line, ...]
    next_offset: int
    style: Style = PLAIN


def render_lines(
    data: bytes, offset: int, *, final: bool, style: Style = PLAIN
) -> Rendered:
    """The complete lines of `data`, which starts at `offset`; if `final`, all of it.

    The lines do not depend on how the bytes were divided into calls, if each call
    starts at the last one's `next_offset` and `style`.
    """
    lines: list[Line] = []
    begin = 0
    while (end := _end_of_line(data, begin, final=final)) > begin:
        row = _Row(style)
        row.write(data, begin, end)
        lines.append(Line(offset + begin, row.spans(), row.cut))
        style = row.style
        begin = end
    return Rendered(tuple(lines), offset + begin, style)


def to_html(line: Line) -> str:
    """The line as HTML with classes only, as the content security policy wants."""
    parts = [_tag(span.text, " ".join(span.style)) for span in line.spans]
    if line.cut:
        parts.append(_tag(_cut_note(line.cut), "a-cut"))
    return "".join(parts)


def plain(data: bytes) -> str:
    """The same lines without any style, joined by newlines."""
    return "\n".join(
        line.text + (_cut_note(line.cut) if line.cut else "")
        for line in render_lines(data, 0, final=True).lines
    )


def _tag(text: str, names: str) -> str:
    return (
        f'<span class="{escape(names)}">{escape(text)}</span>'
        if names
        else escape(text)
    )


def _cut_note(cut: int) -> str:
    return f" … {cut} bytes cut"


def _end_of_line(data: bytes, begin: int, *, final: bool) -> int:
    """Where the line at `begin` ends, newline included; `begin` if not yet known."""
    newline = data.find(b"\n", begin, begin + ENOUGH)
    if newline >= 0:
        return newline + 1
    if len(data) - begin >= ENOUGH:
        return _end_of_piece(data, begin + LONGEST_PIECE)
    return len(data) if final else begin


def _end_of_piece(data: bytes, end: int) -> int:
    """A place at or before `end` that tears neither a progress bar's state apart,
    nor a character, nor an escape sequence."""
    last_return = data.rfind(b"\r", end - MAX_LINE, end)
    if last_return >= 0:
        return last_return + 1
    last_escape = data.rfind(b"\x1b", end - _LONGEST_ESCAPE, end)
    if last_escape >= 0:
        token = _TOKEN.match(data, last_escape)
        # A match that is the bare ESC, or runs over the edge, began before the edge.
        if token is None or token.end() > end or token["control"]:
            return last_escape
    return _before_character(data, end)


def _before_character(data: bytes, end: int) -> int:
    """`end`, moved back to the start of the UTF-8 character that it would split."""
    for start in range(end, max(end - 4, 0), -1):
        if start == len(data) or data[start] & 0xC0 != 0x80:
            return start
    return end  # not UTF-8: there is nothing to keep together


@dataclass(slots=True)
class _Row:
    """The line being drawn. Text after a carriage return replaces what was there."""

    style: Style
    cut: int = 0
    _runs: list[tuple[str, Style]] = field(default_factory=list)
    _used: int = 0
    _returned: bool = False

    def write(self, data: bytes, begin: int, end: int) -> None:
        for token in _TOKEN.finditer(data, begin, end):
            match token.lastgroup:
                case "text":
                    self._write_text(data, *token.span())
                case "csi":
                    if sgr := _SGR.fullmatch(token["csi"]):
                        self.style = apply_sgr(self.style, sgr[1])
                case "control":
                    self._write_control(data, token.start())

    def _write_control(self, data: bytes, at: int) -> None:
        match data[at]:
            case 0x0D:
                self._returned = True
            case 0x08:
                self._take_back()
            case _:
                self._write_text(data, at, at + 1)

    def _write_text(self, data: bytes, begin: int, end: int) -> None:
        if self._returned:
            self._runs.clear()
            self._used = self.cut = 0
            self._returned = False
        shown = begin if self.cut else min(end, begin + MAX_LINE - self._used)
        if begin < shown < end:
            shown = max(begin, _before_character(data, shown))
        self.cut += end - shown
        self._used += shown - begin
        if shown > begin:
            text = data[begin:shown].decode("utf-8", "replace")
            if not text.isprintable():
                text = text.translate(_VISIBLE)
            self._runs.append((text, self.style))

    def _take_back(self) -> None:
        if self._returned or self.cut or not self._runs:
            return
        text, style = self._runs.pop()
        if len(text) > 1:
            self._runs.append((text[:-1], style))
        # A stand-in may have been a single byte: giving back less keeps the bound.
        stand_in = text[-1] == "\ufffd" or "\u2400" <= text[-1] <= "\u2426"
        self._used -= 1 if stand_in else len(text[-1].encode())

    def spans(self) -> tuple[Span, ...]:
        merged: list[Span] = []
        for text, style in self._runs:
            names = classes(style)
            if merged and merged[-1].style == names:
                text = merged.pop().text + text
            merged.append(Span(text, names))
        return tuple(merged)

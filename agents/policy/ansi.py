"""SGR, the part of ANSI that changes how text looks, as a value and its CSS classes.

Pure. What may enter: how a colour or an emphasis is read and named; never bytes of
text, cursor movement or HTML, which are the terminal's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

_HUES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
COLOURS: Final = (*_HUES, *(f"bright-{hue}" for hue in _HUES))
EMPHASES: Final = ("bold", "dim", "italic", "underline", "inverse")

# xterm's own values: the nearest colour has to be measured against something.
_RGB: Final = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0),
    (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0),
    (92, 92, 255), (255, 0, 255), (0, 255, 255), (255, 255, 255),
)  # fmt: skip
_CUBE: Final = (0, 95, 135, 175, 215, 255)
_FIELDS_OF_COLOUR: Final = {5: 2, 2: 4}  # `38;5;n` and `38;2;r;g;b`

# No "conceal" (8): it would hide from a person what an agent wrote.
_ON: Final = {
    1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 21: "underline",
}  # fmt: skip
_OFF: Final = {
    22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """Colours are indexes into COLOURS; None is the page's own colour."""

    fg: int | None = None
    bg: int | None = None
    emphases: frozenset[str] = frozenset()


PLAIN: Final = Style()


@lru_cache(maxsize=1024)
def classes(style: Style) -> tuple[str, ...]:
    """The CSS classes of a style, always in the same order."""
    names = [f"a-{name}" for name in EMPHASES if name in style.emphases]
    if style.fg is not None:
        names.append(f"a-{COLOURS[style.fg]}")
    if style.bg is not None:
        names.append(f"a-bg-{COLOURS[style.bg]}")
    return tuple(names)


@lru_cache(maxsize=1024)
def apply_sgr(style: Style, parameters: bytes) -> Style:
    """The style after `ESC [ parameters m`; what is not understood changes nothing."""
    fields = [_numbers(field) for field in parameters.split(b";")]
    at = 0
    while at < len(fields):
        code, *rest = fields[at]
        at += 1
        if code not in (38, 48):
            style = _apply_code(style, code, rest)
            continue
        if not rest:  # the common spelling puts the colour into the fields that follow
            kind = fields[at][0] if at < len(fields) else 0
            taken = _FIELDS_OF_COLOUR.get(kind, 1)
            rest = [field[0] for field in fields[at : at + taken]]
            at += taken
        colour = _extended_colour(rest)
        if colour is not None:
            style = (
                replace(style, fg=colour) if code == 38 else replace(style, bg=colour)
            )
    return style


def _numbers(field: bytes) -> list[int]:
    """The colon-separated numbers of a field; an empty one is 0, as ECMA-48 says."""
    return [
        (int(part) if part.isdigit() else -1) if part else 0
        for part in field.split(b":")
    ]


def _apply_code(style: Style, code: int, rest: list[int]) -> Style:
    if code == 0:
        return PLAIN
    if code == 4 and rest and rest[0] == 0:  # 4:0 is "no underline"
        code = 24
    if code in _ON:
        return replace(style, emphases=style.emphases | {_ON[code]})
    if code in _OFF:
        return replace(style, emphases=style.emphases.difference(_OFF[code]))
    if 30 <= code <= 37 or code == 39:
        return replace(style, fg=None if code == 39 else code - 30)
    if 40 <= code <= 47 or code == 49:
        return replace(style, bg=None if code == 49 else code - 40)
    if 90 <= code <= 97:
        return replace(style, fg=code - 90 + 8)
    if 100 <= code <= 107:
        return replace(style, bg=code - 100 + 8)
    return style


def _extended_colour(numbers: list[int]) -> int | None:
    """Nearest of the 16 to `5;n`, `2;r;g;b` or `2:space:r:g:b`; None if neither."""
    match numbers:
        case [5, index, *_] if 0 <= index <= 255:
            return _from_256(index)
        case [2, r, g, b] | [2, _, r, g, b, *_] if all(
            0 <= part <= 255 for part in (r, g, b)
        ):
            return nearest(r, g, b)
    return None


def _from_256(index: int) -> int:
    if index < 16:
        return index
    if index >= 232:
        grey = 8 + 10 * (index - 232)
        return nearest(grey, grey, grey)
    index -= 16
    return nearest(_CUBE[index // 36], _CUBE[index // 6 % 6], _CUBE[index % 6])


def nearest(r: int, g: int, b: int) -> int:
    """The index of the one of the 16 colours that is closest to this one."""
    return min(
        range(16),
        key=lambda i: sum(
            (a - b) ** 2 for a, b in zip(_RGB[i], (r, g, b), strict=True)
        ),
    )

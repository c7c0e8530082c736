"""Numbers and times as people read them: formatted once here, not by each template.

Pure functions and one small value; what may enter: how a figure is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

NOTHING: Final = "\N{EN DASH}"
CENT: Final = Decimal("0.01")
SMALLEST_SHOWN: Final = Decimal("0.0001")
_UNITS: Final = ("KB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A point in time: for machines, and in words that need no script."""

    iso: str
    text: str


def stamp(moment: datetime) -> Stamp:
    """The moment in UTC, to the second."""
    at = moment.astimezone(UTC)
    return Stamp(
        iso=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        text=f"{at:%d %b %Y, %H:%M:%S} UTC",
    )


def stamp_or_none(moment: datetime | None) -> Stamp | None:
    """The same, where there may be no moment."""
    return None if moment is None else stamp(moment)


def percent(value: float | None) -> str:
    """A share of one core, with one digit where it is small."""
    if value is None:
        return NOTHING
    return f"{value:.1f} %" if value < 9.95 else f"{value:.0f} %"


def size(number: float | None) -> str:
    """Bytes in the unit that leaves up to three digits."""
    if number is None:
        return NOTHING
    if number < 999.5:
        return f"{number:.0f} B"
    power = 0
    while number >= 999.5 and power < len(_UNITS):
        number /= 1024
        power += 1
    digits = 1 if number < 9.95 else 0
    return f"{number:.{digits}f} {_UNITS[power - 1]}"


def seconds(value: float) -> str:
    """A length of time in its two largest units."""
    value = max(0.0, value)
    left = round(value)
    if value < 10 and value != left:
        return f"{value:.1f} s"
    parts = []
    for name, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def money(usd: Decimal | None) -> str:
    """USD to the cent; small amounts finer: what was spent never reads as nothing."""
    if usd is None:
        return "unknown"
    if usd >= Decimal("0.1") or usd == usd.quantize(CENT):
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= SMALLEST_SHOWN else f"under ${SMALLEST_SHOWN}"


def tokens(number: int) -> str:
    """Tokens in the unit that leaves up to four digits."""
    if number < 10_000:
        return f"{number:,}"
    for unit, size in (("k", 10**3), ("M", 10**6), ("G", 10**9)):
        scaled = number / size
        if scaled < 999.5 or unit == "G":
            break
    return f"{scaled:,.{1 if scaled < 99.95 else 0}f} {unit}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 agent`, `2 agents`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The latest values as an SVG path in a box of WIDTH by HEIGHT."""

    line: str
    area: str
    peak: float


WIDTH: Final = 240
HEIGHT: Final = 40
POINTS: Final = 60


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a.py, b.py (and 2 more)`."""
    shown = ", ".join(names[:most])
    more = len(names) - most
    return f"{shown} (and {more:,} more)" if more > 0 else shown


def sparkline(values: Sequence[float], floor: float) -> Sparkline | None:
    """The newest POINTS values, the last at the right edge; None for fewer than two.

    `floor` is the least full scale, so that idle noise does not look like work.
    """
    shown = values[-POINTS:]
    if len(shown) < 2:
        return None
    peak = max(shown)
    scale = max(peak, floor)
    step = WIDTH / (POINTS - 1)
    begin = WIDTH - step * (len(shown) - 1)
    points = " ".join(
        f"{begin + step * at:.1f},{HEIGHT - 1 - (HEIGHT - 3) * value / scale:.1f}"
        for at, value in enumerate(shown)
    )
    return Sparkline(
        line=f"M{points}",
        area=f"M{begin:.1f},{HEIGHT} L{points} L{WIDTH},{HEIGHT} Z",
        peak=peak,
    )

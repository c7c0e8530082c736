"""Figures as Markdown tables that can be read in a terminal as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bench.contestants import BASELINE
from bench.figures import Figure, Figures
from bench.measurements.locks import FILELOCK
from bench.measurements.watched import UNDISTURBED

# Shares and counts are not divided by another's.
BASES: Final = (BASELINE, UNDISTURBED, FILELOCK)
RATIOS: Final = ("ms", "s", "MiB", "MB/s", "per second")


def tables(figures: Figures) -> str:
    """One table for each thing measured, ratios to the baseline in brackets."""
    return "\n".join(_table(what, figures) for what in figures.whats())


def _table(what: str, figures: Figures) -> str:
    found = figures.of(what)
    sizes = list(dict.fromkeys(figure.size for figure in found))
    unit, rows = found[0].unit, []
    for who in dict.fromkeys(figure.who for figure in found):
        cells = [who]
        for size in sizes:
            figure = next((f for f in found if (f.size, f.who) == (size, who)), None)
            cells.append("" if figure is None else _cell(figure, figures))
        rows.append(cells)
    heads = [f"{what}, {unit}", *(f"{n} agent{'s' * (n != 1)}" for n in sizes)]
    return "\n".join([*aligned([heads, *rows]), ""])


def _cell(figure: Figure, figures: Figures) -> str:
    shown = number(figure.value)
    if figure.unit not in RATIOS or figure.who in BASES:
        return shown
    bases = (figures.get(figure.what, figure.size, who) for who in BASES)
    if base := next(filter(None, bases), None):
        shown += f" ({number(figure.value / base)}x)"
    return shown


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == round(value):
        return f"{value:,.0f}"
    if value and abs(value) < 0.01:
        return f"{value:.4f}"
    if abs(value) < 10:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table with a head; all but the first column to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("| " + " | ".join([first, *others]) + " |")
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return [lines[0], "| " + " | ".join(rule) + " |", *lines[1:]]

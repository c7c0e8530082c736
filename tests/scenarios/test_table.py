"""docs/scenarios.md and the tests of this folder tell the same."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NUMBERED = re.compile(r"test_(\d\d[a-z]?)_")
PARTS_OF_26 = "abcdefg"
NOT_YET = "not yet"


def table() -> dict[str, list[str]]:
    """The cells of each scenario, by its number."""
    text = (ROOT / "docs" / "scenarios.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    return {row[0]: row[1:] for row in cells}


def numbered() -> dict[str, set[str]]:
    """The modules in which each scenario has tests, by its number."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                match := NUMBERED.match(node.name)
            ):
                found[match[1]].add(path.name)
    return found


def test_every_scenario_has_one_full_row() -> None:
    numbers = [f"{n:02d}" for n in range(1, 26)]
    assert list(table()) == numbers + [f"26{letter}" for letter in PARTS_OF_26]
    assert all(len(cells) == 4 and all(cells) for cells in table().values())


def test_every_row_names_the_modules_of_its_tests_and_no_others() -> None:
    there = numbered()
    for number, (*_, shown) in table().items():
        named = {name for name in re.findall(r"`([^`]+)`", shown) if "/" not in name}
        assert named == there.get(number, set()), number
        assert bool(named) != (shown == NOT_YET), number


def test_every_test_belongs_to_a_row() -> None:
    assert numbered().keys() <= table().keys()


def test_what_a_row_names_elsewhere_exists() -> None:
    elsewhere = [
        name
        for *_, shown in table().values()
        for name in re.findall(r"`([^`]+/[^`]+)`", shown)
    ]
    assert elsewhere
    assert [name for name in elsewhere if not (ROOT / name).exists()] == []

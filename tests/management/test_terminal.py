"""Tables and texts fit a terminal and a pipe."""

from __future__ import annotations

from agents.management.agentctl.terminal import Column, fitted, one_line, plain_table
from agents.management.agentctl.wording import printable

COLUMNS = (Column("Name", fold=True), Column("N", right=True), Column("Why"))


def test_plain_columns_are_aligned_and_nothing_is_cut() -> None:
    rows = [["a", "1", "x" * 200], ["bcd-efg", "22", ""]]
    assert plain_table(COLUMNS, rows).splitlines() == [
        "NAME      N  WHY",
        "a         1  " + "x" * 200,
        "bcd-efg  22",
    ]


def test_with_enough_room_every_column_has_its_longest_text() -> None:
    rows = [["a-name", "1", "because"]]
    assert fitted(COLUMNS, rows, 80) == [6, 1, 7]


def test_the_last_column_gives_way_first_then_those_that_fold() -> None:
    rows = [["n" * 40, "1", "w" * 40]]
    assert fitted(COLUMNS, rows, 70) == [40, 1, 25]
    assert fitted(COLUMNS, rows, 40) == [23, 1, 12]
    assert fitted(COLUMNS, rows, 10) == [12, 1, 12]


def test_a_status_has_room_for_its_icon() -> None:
    assert fitted([Column("Status", status=True)], [["running"]], 80) == [9]


def test_a_status_is_said_once() -> None:
    assert one_line("web", "running", "ready") == "web: running, ready"
    assert one_line("web", "stopped", "already stopped") == "web: already stopped"
    assert one_line("web", "stopped", "") == "web: stopped"


def test_no_text_can_leave_its_line_or_steer_a_terminal() -> None:
    assert printable("a\nb\x1b[2J\u202ec\x07é 漢") == "a b [2J c é 漢"

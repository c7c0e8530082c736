"""What the benchmark calls held, missed or not judged."""

from __future__ import annotations

from bench.contestants import BASELINE, OURS
from bench.figures import Figure, Figures
from bench.page import report
from bench.targets import Target, verdicts


def figures(*rows: tuple[str, int, str, float]) -> Figures:
    return Figures(
        Figure(what, size, who, value, "ms") for what, size, who, value in rows
    )


def test_a_multiple_of_a_peer_is_judged_at_the_largest_size() -> None:
    target = Target("start-all", 3, BASELINE, agents=500)
    measured = [("start-all", 100, OURS, 900.0), ("start-all", 100, BASELINE, 100.0)]
    larger = [("start-all", 500, OURS, 299.0), ("start-all", 500, BASELINE, 100.0)]
    assert target.judge(figures(*measured)).held is None
    assert target.judge(figures(*measured, *larger)).held is True
    larger[0] = ("start-all", 500, OURS, 301.0)
    assert target.judge(figures(*measured, *larger)).held is False


def test_a_target_without_its_peer_is_not_judged_and_says_so() -> None:
    verdict = Target("stop-all", 1, "circus").judge(figures(("stop-all", 5, OURS, 1.0)))
    assert verdict.held is None
    assert "without circus" in verdict.seen


def test_a_share_has_to_be_large() -> None:
    target = Target("speed", 0.95, at_least=True)
    assert target.judge(figures(("speed", 1, OURS, 0.96))).held is True
    assert target.judge(figures(("speed", 1, OURS, 0.94))).held is False


def test_nothing_lost_means_nothing() -> None:
    target = Target("lost", 0)
    assert target.judge(figures(("lost", 1, OURS, 0.0))).held is True
    assert target.judge(figures(("lost", 1, OURS, 1.0))).held is False


def test_what_was_not_measured_is_not_mentioned() -> None:
    assert verdicts(figures(("something else", 1, OURS, 1.0))) == []


def test_a_report_shows_misses_and_what_was_left_out() -> None:
    slow = [("start-all", 500, OURS, 400.0), ("start-all", 500, BASELINE, 100.0)]
    text = report(figures(*slow), 60.0, ["circus: it is not installed"])
    assert "**missed**" in text
    assert "400 (4x)" in text
    assert "Left out: circus: it is not installed." in text

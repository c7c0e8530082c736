"""Hubs killed at random under a random load: a few here, 200 by `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.arena import Arena
from tests.torture.storm import Figures, Storm


def rage(data: Path, agents: int, cycles: int, seed: str) -> Figures:
    """A storm whose figures are shown if the test fails."""
    figures = Storm(Arena(data.parent, data, agents, seed), seed).rage(cycles, print)
    print(figures.table())
    return figures


def test_a_few_hubs_killed_at_random_lose_and_double_nothing(data: Path) -> None:
    figures = rage(data, agents=10, cycles=3, seed="short")
    assert figures.faults == []
    assert figures.cycles == 3
    assert figures.kills.total() >= 3
    # How many is the machine's affair, but it is not about nothing.
    assert figures.verdict.runs > 0


@pytest.mark.full
def test_many_hubs_killed_at_random_lose_and_double_nothing(data: Path) -> None:
    figures = rage(data, agents=30, cycles=40, seed="full")
    assert figures.faults == []
    assert figures.whole_hubs == 4
    assert figures.verdict.own_ends > 0

"""The page of barriers as it changes: rendered once for all who have it open."""

from __future__ import annotations

from collections.abc import Collection

from agents.live import fragments
from agents.live.demand import Demand, Key
from agents.services import barrier_view


def barriers(demands: Collection[Demand]) -> dict[Key, str]:
    """All barriers, for each kind of person who has the page open."""
    audiences = {one.operator for one in demands if one.barriers}
    if not audiences:
        return {}
    return fragments.whole("barriers", {"barriers": barrier_view.page()}, audiences)

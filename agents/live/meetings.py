"""The page of barriers as it changes: rendered once for all who have it open."""

from __future__ import annotations

from collections.abc import Collection

from django.template.loader import get_template

from agents.live.demand import Demand, Key
from agents.services import barrier_view


def barriers(demands: Collection[Demand]) -> dict[Key, str]:
    """All barriers, for each kind of person who has the page open."""
    audiences = {one.operator for one in demands if one.barriers}
    if not audiences:
        return {}
    view, template = barrier_view.page(), get_template("agents/_barriers.html")
    return {
        ("barriers", 0, operator): template.render(
            {"barriers": view, "operator": operator, "oob": True}
        )
        for operator in audiences
    }

"""Batches as open pages show them: the list, and one with the rows that changed.

Runs in the editor's thread.
"""

from __future__ import annotations

from collections.abc import Collection

from django.template.loader import get_template

from agents.live.demand import Demand, Key
from agents.services import batch_view
from agents.services.batch_view import BatchDetail, ItemRow


class Batches:
    """Remembers the rows that it has told last, so that of a thousand agents only
    those are sent that are not as they were."""

    def __init__(self) -> None:
        self._told: dict[int, dict[int, ItemRow]] = {}

    def changed(self, demands: Collection[Demand]) -> dict[Key, str]:
        """What is new of what these pages show."""
        numbers = {one.batch for one in demands} - {0}
        self._told = {pk: rows for pk, rows in self._told.items() if pk in numbers}
        made = self._list(demands)
        for number in numbers:
            detail = batch_view.detail(number)
            if detail is None:
                continue
            before = self._told.get(number, {})
            rows = {one.id: one for one in detail.items}
            fresh = [one for one in detail.items if before.get(one.id) != one]
            self._told[number] = rows
            made |= _fragments(detail, fresh, demands)
        return made

    def whole(self, demand: Demand) -> dict[Key, str]:
        """All that one page shows, for one that has just come or was behind."""
        made = self._list([demand])
        detail = batch_view.detail(demand.batch) if demand.batch else None
        if detail is not None:
            made |= _fragments(detail, detail.items, [demand])
        return made

    @staticmethod
    def _list(demands: Collection[Demand]) -> dict[Key, str]:
        if not any(one.batches for one in demands):
            return {}
        rows, _ = batch_view.newest()
        context = {"batches": rows, "oob": True}
        listed = get_template("agents/_batch_list.html").render(context)
        return {("batches", 0, False): listed}


def _fragments(
    detail: BatchDetail, fresh: Collection[ItemRow], demands: Collection[Demand]
) -> dict[Key, str]:
    number = detail.row.id
    made: dict[Key, str] = {}
    for operator in {one.operator for one in demands if one.batch == number}:
        context = {"batch": detail, "operator": operator, "oob": True}
        made["batch", number, operator] = "".join(
            get_template(f"agents/_batch_{part}.html").render(context)
            for part in ("status", "actions")
        )
    if fresh:
        row = get_template("agents/_batch_item.html")
        rows = "".join(row.render({"item": one, "oob": True}) for one in fresh)
        # Outside of a table, a browser's parser drops rows.
        table = f"<table><tbody>{rows}</tbody></table>"
        made["batch-items", number, False] = table
    return made

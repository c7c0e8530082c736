"""Each fragment that some open page needs, rendered once for all of them.

What may enter: which agents, for which pages, become which fragments.
"""

from __future__ import annotations

from collections.abc import Collection

from agents.live import fragments
from agents.live.demand import Demand, Key
from agents.models import Agent
from agents.services import (
    agent_detail,
    brake_view,
    overview,
    registry_list,
    schedules,
    task_detail,
    task_list,
)
from agents.services.figures import percent, size


def lists(demands: Collection[Demand], changed: Collection[int]) -> dict[Key, str]:
    """What lists and overviews show, with the rows and tiles of changed agents."""
    made = _rows_and_tiles(demands, frozenset(changed))
    if any(one.agents for one in demands):
        made["counts", 0, False] = fragments.counts(overview.status_counts())
    audiences = {one.operator for one in demands if one.overview}
    if audiences:
        seen = overview.overview()
        made["summary", 0, False] = fragments.summary(seen)
        made["lately", 0, False] = fragments.lately(agent_detail.lately())
        made["schedules", 0, False] = fragments.schedules(schedules.view())
        for operator in audiences:
            made["attention", 0, operator] = fragments.attention(
                seen, operator=operator
            )
    return made


def registry(demands: Collection[Demand], changed: Collection[int]) -> dict[Key, str]:
    """What the registry shows of changed agents."""
    shown = frozenset().union(*(one.records for one in demands)).intersection(changed)
    found = registry_list.records(shown) if shown else ()
    return {("record", one.id, False): fragments.record(one) for one in found}


def brake(demands: Collection[Demand]) -> dict[Key, str]:
    """The fleet brake, which every page shows."""
    view = brake_view.view()
    return {
        ("brake", 0, operator): fragments.brake(view, operator=operator)
        for operator in {one.operator for one in demands}
    }


def agents(demands: Collection[Demand], changed: Collection[int]) -> dict[Key, str]:
    """What the pages of changed agents show."""
    made: dict[Key, str] = {}
    pages = {(one.agent_id, one.operator) for one in demands}
    for agent_id in {pk for pk, _ in pages if pk is not None} & set(changed):
        detail = agent_detail.detail(agent_id)
        for operator in {may for pk, may in pages if pk == agent_id}:
            made["agent", agent_id, operator] = (
                fragments.agent(detail, operator=operator)
                if detail
                else fragments.gone()
            )
    return made


def tasks(demands: Collection[Demand], changed: Collection[int]) -> dict[Key, str]:
    """What lists of tasks show of changed ones, and how many there are."""
    made: dict[Key, str] = {}
    listing = [one for one in demands if one.tasks]
    if not listing:
        return made
    made["task-counts", 0, False] = fragments.task_counts(task_list.counts())
    shown = frozenset().union(*(one.task_ids for one in listing))
    for row in task_list.rows(shown.intersection(changed)):
        made["task-row", row.id, False] = fragments.task_row(row)
    return made


def task_pages(demands: Collection[Demand], changed: Collection[int]) -> dict[Key, str]:
    """What the pages of changed tasks show beside the transcript."""
    made: dict[Key, str] = {}
    pages = {(one.task, one.operator) for one in demands if one.task in changed}
    for task_id in {pk for pk, _ in pages}:
        detail = task_detail.detail(task_id)
        for operator in {may for pk, may in pages if pk == task_id and detail}:
            assert detail is not None
            made["task", task_id, operator] = fragments.task(detail, operator=operator)
    return made


def numbers(ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """CPU and memory of these agents."""
    found = Agent.objects.filter(pk__in=list(ids))
    return {
        pk: (percent(cpu), size(rss))
        for pk, cpu, rss in found.values_list("pk", "cpu_percent", "rss_bytes")
    }


def _rows_and_tiles(
    demands: Collection[Demand], changed: frozenset[int]
) -> dict[Key, str]:
    made: dict[Key, str] = {}
    as_rows = changed.intersection(frozenset().union(*(one.rows for one in demands)))
    as_tiles = changed.intersection(frozenset().union(*(one.tiles for one in demands)))
    audiences = {one.operator for one in demands if one.agents}
    for agent in overview.rows(as_rows | as_tiles):
        if agent.id in as_tiles:
            made["tile", agent.id, False] = fragments.tile(agent)
        for operator in audiences if agent.id in as_rows else ():
            made["row", agent.id, operator] = fragments.row(agent, operator=operator)
    return made

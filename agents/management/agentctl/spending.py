"""`agents usage`: tokens and money, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from agents.management.agentctl import selection
from agents.management.agentctl.terminal import NARROW, ROOMY, Column, Terminal
from agents.services import budgets, shapes, usage
from agents.services.budgets import Standing
from agents.services.figures import NOTHING, counted, money, tokens
from agents.services.usage import Report, Sums
from agents.services.usage_view import WHEN

COLUMNS: Final = (
    Column("Agent", fold=True),
    Column("Model", fold=True),
    Column("Cost", right=True),
    Column("Unknown", right=True, least_width=ROOMY),
    Column("Requests", right=True, least_width=NARROW),
    Column("Input", right=True),
    Column("Cached", right=True, least_width=ROOMY),
    Column("Output", right=True),
)
BUDGET_COLUMNS: Final = (
    Column("Budget", fold=True),
    Column("Spent", right=True),
    Column("Of", right=True),
    Column("Share", right=True),
    Column("State"),
)
STATES: Final = {"ok": "fine", "near": "near limit", "exhausted": "used up"}


def show_usage(options: Mapping[str, Any], terminal: Terminal) -> int:
    """What agents used in the last days; deleted ones are found by name too."""
    names = list(dict.fromkeys(options["names"]))
    chosen = selection.by_name(names)
    known = {agent.name for agent in chosen.agents} | usage.known_names(names)
    last = usage.today()
    report = usage.report(last - timedelta(options["days"] - 1), last, names)
    standings = [one for one in budgets.standings() if not names or one.agent in known]
    if terminal.as_json:
        terminal.json(shapes.usage_shape(report, standings))
    else:
        _say(report, standings, terminal)
    missing = [text for name, text in chosen.unknown.items() if name not in known]
    for problem in missing:
        terminal.note(problem)
    return 1 if missing else 0


def _say(report: Report, standings: Sequence[Standing], terminal: Terminal) -> None:
    span = counted(len(report.by_day), "day")
    if not report.total.requests:
        terminal.note(f"No model was asked in the last {span}.")
    else:
        rows = [
            [one.agent, one.model, *_figures(one.sums)]
            for one in report.by_agent_and_model
        ]
        terminal.table(COLUMNS, [*rows, ["in all", "", *_figures(report.total)]])
        terminal.say(_summary(report.total, span))
    if standings:
        terminal.say()
        terminal.table(BUDGET_COLUMNS, [_budget_row(one) for one in standings])


def _figures(sums: Sums) -> list[str]:
    return [
        money(sums.cost),
        str(sums.unpriced or NOTHING),
        f"{sums.requests:,}",
        tokens(sums.input),
        tokens(sums.cache_read + sums.cache_write),
        tokens(sums.output),
    ]


def _summary(total: Sums, span: str) -> str:
    requests = counted(total.requests, "request")
    said = f"{requests} in the last {span} (UTC): {money(total.cost)}"
    if total.unpriced and total.cost is not None:
        said += f", and {counted(total.unpriced, 'request')} of unknown cost"
    return said + "."


def _budget_row(one: Standing) -> list[str]:
    return [
        f"{one.agent or one.provider or 'all agents'}, {WHEN[one.period]}",
        money(one.spent),
        money(one.limit),
        f"{one.percent} %",
        STATES[one.state],
    ]

"""The parts of a page that change while it is open, rendered to be swapped in.

What may enter: one function for each kind of fragment. The same templates make the
whole pages, so that what is swapped in looks like what was there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from html import escape

from django.template.loader import get_template

from agents.live.demand import Key, LogDemand
from agents.live.subscription import TaskPosition
from agents.policy.live_text import Live
from agents.services import figures
from agents.services.agent_detail import (
    AgentDetail,
    ChangeView,
    RunView,
    Vitals,
)
from agents.services.brake_view import BrakeView
from agents.services.overview import (
    AgentRow,
    Overview,
    StatusCount,
    Supervision,
)
from agents.services.registry_list import Record
from agents.services.schedules import SchedulesView
from agents.services.task_detail import TaskDetail
from agents.services.task_list import TaskRow
from agents.services.transcript import StepView


def whole(
    kind: str, context: Mapping[str, object], audiences: Collection[bool]
) -> dict[Key, str]:
    """A list that is told as a whole (agents/_`kind`.html), for each kind of person."""
    template = get_template(f"agents/_{kind}.html")
    return {
        (kind, 0, operator): template.render(
            {**context, "operator": operator, "oob": True}
        )
        for operator in audiences
    }


def row(agent: AgentRow, *, operator: bool) -> str:
    """One line of the list."""
    context = {"row": agent, "operator": operator, "oob": True}
    return get_template("agents/_row.html").render(context)


def record(found: Record) -> str:
    """One line of the registry."""
    return get_template("agents/_record.html").render({"row": found, "oob": True})


def tile(agent: AgentRow) -> str:
    """One tile of the overview."""
    return get_template("agents/_tile.html").render({"row": agent, "oob": True})


def summary(overview: Overview) -> str:
    """The overview's headline and counts."""
    context = {"overview": overview, "oob": True}
    return get_template("agents/_summary.html").render(context)


def attention(overview: Overview, *, operator: bool) -> str:
    """Who needs a person."""
    context = {"overview": overview, "operator": operator, "oob": True}
    return get_template("agents/_attention.html").render(context)


def lately(changes: Iterable[ChangeView]) -> str:
    """What has happened lately, to any agent."""
    context = {"lately": changes, "oob": True}
    return get_template("agents/_lately.html").render(context)


def schedules(view: SchedulesView) -> str:
    """Which times come next, and what keeps them."""
    context = {"schedules": view, "oob": True}
    return get_template("agents/_schedules.html").render(context)


def counts(found: Iterable[StatusCount]) -> str:
    """The numbers in the list's filter."""
    numbers = {one.status: one.count for one in found}
    numbers["all"] = sum(numbers.values())
    return "".join(
        f'<span class="count" id="count-{status}" hx-swap-oob="true">{number}</span>'
        for status, number in numbers.items()
    )


def supervisor(supervision: Supervision) -> str:
    """The line that says whether anybody watches the agents."""
    context = {"supervision": supervision, "oob": True}
    return get_template("agents/_supervisor.html").render(context)


def brake(view: BrakeView | None, *, operator: bool) -> str:
    """The line that says that the fleet brake is pulled."""
    context = {"brake": view, "operator": operator, "oob": True}
    return get_template("agents/_brake.html").render(context)


def agent(detail: AgentDetail, *, operator: bool) -> str:
    """Everything on an agent's page but its output and its set-up."""
    context = {"detail": detail, "operator": operator, "oob": True}
    return get_template("agents/_agent_live.html").render(context)


def gone() -> str:
    """What stands in the place of a deleted agent's status."""
    return get_template("agents/_gone.html").render({"oob": True})


def vitals(view: Vitals) -> str:
    """What an agent's processes use, and how it is."""
    context = {"vitals": view, "oob": True}
    return get_template("agents/_agent_vitals.html").render(context)


def notice(new: int, removed: int) -> str:
    """The line above the list that offers to show it anew."""
    said = []
    if new:
        said.append(figures.counted(new, "new agent"))
    if removed:
        said.append(f"{removed} removed")
    context = {"notice": ", ".join(said), "oob": True}
    return get_template("agents/_notice.html").render(context)


def task_row(task: TaskRow) -> str:
    """One line of the list of tasks."""
    return get_template("agents/_task_row.html").render({"task": task, "oob": True})


def task_counts(found: Mapping[str, int]) -> str:
    """The numbers in the filter of the list of tasks."""
    return "".join(
        f'<span class="count" id="count-task-{state}" hx-swap-oob="true">'
        f"{number}</span>"
        for state, number in found.items()
    )


def task_notice(new: int) -> str:
    """The line above the list of tasks that offers to show it anew."""
    said = figures.counted(new, "new task") if new else ""
    return get_template("agents/_notice.html").render({"notice": said, "oob": True})


def task(detail: TaskDetail, *, operator: bool) -> str:
    """Everything on a task's page but its transcript."""
    context = {"task": detail, "operator": operator, "oob": True}
    return get_template("agents/_task_live.html").render(context)


def steps(views: Iterable[StepView], beyond: int) -> str:
    """New steps, and those up to `beyond` that are not as they were."""
    template = get_template("agents/_step.html")
    changed, new = "", ""
    for view in views:
        shown = view.number <= beyond
        html = template.render({"step": view, "oob": shown})
        changed, new = (changed + html, new) if shown else (changed, new + html)
    if new:
        new = f'<ol id="steps" hx-swap-oob="beforeend">{new}</ol>'
    return changed + new


def answer(live: Live | None, at: TaskPosition) -> str:
    """The answer in the making, in the place of what was there; None: there is none."""
    context = {"live": live, "oob": True}
    box = get_template("agents/_live_answer.html").render(context)
    return box + task_cursor(at)


def more_answer(live: Live, at: TaskPosition) -> str:
    """What is to be added to it."""
    added = "".join(
        f'<pre id="live-{part}" hx-swap-oob="beforeend">{escape(text)}</pre>'
        for part, text in (("thinking", live.thinking), ("text", live.text))
        if text
    )
    return added + task_cursor(at)


def task_cursor(at: TaskPosition) -> str:
    """Up to where the page shows the task."""
    return (
        f'<i id="task-cursor" hidden hx-swap-oob="true" data-step="{at.step}" '
        f'data-run="{at.run}" data-offset="{at.offset}" '
        f'data-thinks="{str(at.thinks).lower()}"></i>'
    )


def position(seq: int, frame: int) -> str:
    """Up to where the page is true now, and what to acknowledge."""
    return (
        f'<i id="live-seq" hidden hx-swap-oob="true" data-seq="{seq}" '
        f'data-frame="{frame}"></i>'
    )


def lines(html: str, reader: LogDemand, partials: tuple[str | None, str | None]) -> str:
    """New lines of output, unfinished ones (None: as before), and the new place."""
    new = f'<div id="output-lines" hx-swap-oob="beforeend">{html}</div>' if html else ""
    unfinished = "".join(
        f'<div id="output-partial-{stream}" class="line {stream} partial" '
        f'hx-swap-oob="true">{partial}</div>'
        for stream, partial in zip(("out", "err"), partials, strict=True)
        if partial is not None
    )
    return (
        f"{new}{unfinished}"
        f'<i id="output-cursor" hidden hx-swap-oob="true" data-run="{reader.run}" '
        f'data-out="{reader.out.offset}" data-err="{reader.err.offset}"></i>'
    )


def divider(run: RunView) -> str:
    """The line between the output of two runs."""
    return (
        f'<div class="line divider" data-run="{run.number}">Run {run.number} began '
        f"{escape(run.began.text)}</div>"
    )

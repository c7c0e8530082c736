"""The steps of a task as people read them, as frozen values.

A call and what came of it are one step here. Long texts are cut; `text_of` has all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.urls import reverse

from agents.models import Step
from agents.models.choices import StepKindChoice
from agents.services import figures
from agents.services.figures import Stamp

SHOWN: Final = 200
LONGEST: Final = 12_000
LONGEST_LINE: Final = 120


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to show, and where all of it is if it was cut."""

    text: str
    whole: str = ""
    length: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step. `state` of a call: open, done, failed or interrupted; `tone`: a note's.

    `summary` is its first line, for where it is folded.
    """

    number: int
    kind: str
    label: str
    attempt: int
    at: Stamp
    text: Passage
    summary: str = ""
    thinking: Passage | None = None
    calls: tuple[str, ...] = ()
    name: str = ""
    arguments: Passage | None = None
    state: str = ""
    state_label: str = ""
    files: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Steps in order; `last` is the newest number, `earlier` how many came before."""

    steps: tuple[StepView, ...]
    last: int
    earlier: int


_STATES: Final = {
    "open": "no result yet",
    "done": "done",
    "failed": "failed",
    "interrupted": "interrupted",
}


def page(task_id: int, before: int | None = None) -> Page:
    """The newest steps, or the newest before a number."""
    rows = Step.objects.filter(task=task_id)
    if before is not None:
        rows = rows.filter(number__lt=before)
    newest = list(rows.order_by("-number")[: SHOWN + 1])
    shown = newest[:SHOWN][::-1]
    first = shown[0].number if shown else 1
    return Page(
        steps=tuple(_views(task_id, shown)),
        last=shown[-1].number if shown else 0,
        earlier=first - 1 if len(newest) > SHOWN else 0,
    )


def after(task_id: int, number: int) -> Page:
    """What came after a number; of very much, the newest.

    A call that was shown before is in it again if its result is new.
    """
    rows = Step.objects.filter(task=task_id, number__gt=number)
    found = list(rows.order_by("-number")[:SHOWN])[::-1]
    last = found[-1].number if found else number
    return Page(tuple(_views(task_id, found)), last, 0)


def newest_said(task_id: int) -> Step | None:
    """The newest step that is part of the conversation: no note."""
    said = Step.objects.filter(task=task_id).exclude(kind=StepKindChoice.NOTE)
    return said.order_by("-number").first()


def text_of(step: Step) -> str:
    """All of a step, as text."""
    data = step.data
    if step.kind == StepKindChoice.CALL:
        return _pretty(data.get("arguments"))
    if thinking := str(data.get("thinking") or ""):
        return f"{thinking}\n\n---\n\n{data.get('text') or ''}"
    return str(data.get("text") or "")


def _views(task_id: int, rows: Sequence[Step]) -> Iterable[StepView]:
    """Each result becomes part of its call, which may have come before these rows."""
    views: dict[int, StepView] = {}
    calls: dict[str, int] = {}
    for row in rows:
        call_id = str(row.data.get("call", ""))
        if row.kind == StepKindChoice.CALL:
            calls[call_id] = row.number
        elif row.kind == StepKindChoice.RESULT:
            number = calls.pop(call_id, None)
            if number is None and (call := _call_of(task_id, row, call_id)):
                number = call.number
                views[number] = _view(task_id, call)
            if number is not None:
                views[number] = _with_result(task_id, views[number], row)
                continue
        views[row.number] = _view(task_id, row)
    return views.values()


def _call_of(task_id: int, result: Step, call_id: str) -> Step | None:
    earlier = Step.objects.filter(
        task=task_id, kind=StepKindChoice.CALL, number__lt=result.number
    )
    for row in earlier.order_by("-number")[:SHOWN]:
        if row.data.get("call") == call_id:
            return row
    return None


def _view(task_id: int, row: Step) -> StepView:
    data = row.data
    text = str(data.get("text") or "")
    view = StepView(
        number=row.number,
        kind=row.kind,
        label=str(StepKindChoice(row.kind).label),
        attempt=row.attempt,
        at=figures.stamp(row.at),
        text=_passage(task_id, row.number, text),
        summary=_first_line(text),
    )
    match row.kind:
        case StepKindChoice.ANSWER:
            thinking = str(data.get("thinking") or "")
            return replace(
                view,
                thinking=_passage(task_id, row.number, thinking) if thinking else None,
                calls=tuple(_names(data.get("calls"))),
            )
        case StepKindChoice.CALL:
            arguments = _pretty(data.get("arguments"))
            return replace(
                view,
                name=str(data.get("name", "")),
                arguments=_passage(task_id, row.number, arguments),
                summary=_brief(data.get("arguments")),
                state="open",
                state_label=_STATES["open"],
            )
        case StepKindChoice.RESULT:
            return _with_result(task_id, replace(view, kind="call"), row)
        case StepKindChoice.NOTE:
            return replace(view, tone=str(data.get("tone", "info")))
    return view


def _with_result(task_id: int, view: StepView, row: Step) -> StepView:
    data = row.data
    state = "done"
    if data.get("interrupted"):
        state = "interrupted"
    elif data.get("error"):
        state = "failed"
    return replace(
        view,
        name=str(data.get("name", "")),
        text=_passage(task_id, row.number, str(data.get("text") or "")),
        state=state,
        state_label=_STATES[state],
        files=tuple(str(name) for name in data.get("files") or ()),
    )


def _passage(task_id: int, number: int, text: str) -> Passage:
    if len(text) <= LONGEST:
        return Passage(text)
    whole = reverse("task-step", args=[task_id, number])
    return Passage(text[:LONGEST], whole, f"{len(text):,}")


def _pretty(arguments: Any) -> str:
    if isinstance(arguments, dict) and len(arguments) == 1:
        (value,) = arguments.values()
        if isinstance(value, str):
            return value
    return json.dumps(arguments, indent=2, ensure_ascii=False)


def _brief(arguments: Any) -> str:
    """The first argument that says something, such as a path or a command."""
    values = arguments.values() if isinstance(arguments, dict) else ()
    first = next((value for value in values if isinstance(value, str) and value), "")
    return _first_line(first)


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0][: LONGEST_LINE + 1]
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…"


def _names(calls: Any) -> Iterable[str]:
    for call in calls if isinstance(calls, list) else ():
        name = call.get("name") if isinstance(call, dict) else None
        if isinstance(name, str):
            yield name

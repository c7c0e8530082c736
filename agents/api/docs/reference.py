"""The OpenAPI description, sorted for a reader: groups of operations, and shapes.

What may enter: what the page of the docs shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.utils.safestring import SafeString

from agents.api import access
from agents.api.docs.examples import curl
from agents.api.docs.shapes import Member, Shape, Shapes, Word
from agents.api.docs.text import marked
from agents.api.problems import KINDS, MEDIA_TYPE

# The groups in the order of a reader's way; what is not named comes before the last.
ORDER: Final = ("Agents", "Steering", "Tasks", "Batches", "Schedules", "Locks")
NEEDS: Final = {
    "view": "View",
    "operate": "Operate",
    "configure": "Configure",
    None: "No token",
}
PLACES: Final = {"path": "address", "query": "query", "header": "header"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no problem. `media`: what it is, where it is not JSON."""

    status: int
    phrase: str
    kind: tuple[Word, ...]
    media: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    anchor: str
    method: str
    path: str
    title: str
    paragraphs: tuple[SafeString, ...]
    needs: str
    run: bool
    parameters: tuple[Member, ...]
    has_body: bool
    body: tuple[Member, ...]
    body_said: SafeString
    body_required: bool
    answers: tuple[Answer, ...]
    problems: tuple[int, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations of one tag."""

    title: str
    anchor: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A status that refuses, and what its `type` and `title` are."""

    status: int
    type: str
    title: str


@dataclass(frozen=True, slots=True)
class Reference:
    """All that the page says."""

    said: SafeString
    version: str
    groups: tuple[Group, ...]
    shapes: tuple[Shape, ...]
    problems: tuple[ProblemKind, ...]


def read(description: Mapping[str, Any]) -> Reference:
    """The description, for people."""
    shapes = Shapes(description["components"]["schemas"])
    groups: dict[str, list[Operation]] = {}
    told: list[Mapping[str, Any]] = []
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            (tag,) = one["tags"]
            groups.setdefault(tag, []).append(_operation(method, path, one, shapes))
            told += [one.get("requestBody", {}), one["responses"]]
    return Reference(
        said=marked(description["info"]["description"]),
        version=description["info"]["version"],
        groups=tuple(
            Group(tag, f"group-{_slug(tag)}", tuple(sorted(found, key=_order)))
            for tag, found in sorted(groups.items(), key=_place)
        ),
        shapes=tuple(shapes.reached(told)),
        problems=tuple(
            ProblemKind(status, kind, title) for status, (kind, title) in KINDS.items()
        ),
    )


def _place(group: tuple[str, Any]) -> tuple[bool, int]:
    tag = group[0]
    return tag == "Hub", ORDER.index(tag) if tag in ORDER else len(ORDER)


def _order(one: Operation) -> tuple[str, int]:
    return one.path, list(access.USUAL).index(one.method.lower())


def _operation(
    method: str, path: str, told: Mapping[str, Any], shapes: Shapes
) -> Operation:
    allowed = told[access.EXTENSION]
    body = told.get("requestBody", {})
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    responses = sorted(told["responses"].items(), key=lambda one: int(one[0]))
    return Operation(
        anchor=f"{method}-{_slug(path.removeprefix(access.ROOT))}",
        method=method.upper(),
        path=path,
        title=told["summary"],
        paragraphs=tuple(_paragraphs(told.get("description", ""))),
        needs=NEEDS[allowed["scope"]],
        run=allowed["run"] and allowed["scope"] is not None,
        parameters=tuple(_parameters(told, shapes)),
        has_body=bool(schema),
        body=shapes.members(schema),
        body_said=marked(str(shapes.resolved(schema).get("description", ""))),
        body_required=bool(body.get("required")),
        answers=tuple(
            _answer(int(status), one, shapes)
            for status, one in responses
            if MEDIA_TYPE not in one.get("content", {})
        ),
        problems=tuple(
            int(status)
            for status, one in responses
            if MEDIA_TYPE in one.get("content", {})
        ),
        curl=curl(method, path, told, shapes, open_=allowed["scope"] is None),
    )


def _parameters(told: Mapping[str, Any], shapes: Shapes) -> Iterator[Member]:
    for one in told.get("parameters", ()):
        schema = {**one["schema"]}
        schema.setdefault("description", one.get("description", ""))
        member = shapes.member(one["name"], schema, bool(one.get("required")))
        place = PLACES[one["in"]]
        yield Member(member.name, member.kind, member.required, member.notes, place)


def _answer(status: int, told: Mapping[str, Any], shapes: Shapes) -> Answer:
    content = told.get("content", {})
    kind: tuple[Word, ...] = ()
    media = ""
    for media_type, one in content.items():
        if media_type != "application/json":
            media = media_type
        kind = shapes.kind(one.get("schema", {}))
    phrase = told.get("description") or HTTPStatus(status).phrase
    return Answer(status, phrase, kind, media, tuple(told.get("headers", ())))


def _paragraphs(text: str) -> Iterator[SafeString]:
    for part in text.split("\n\n"):
        if words := " ".join(part.split()):
            yield marked(words)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

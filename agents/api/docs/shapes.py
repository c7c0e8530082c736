"""JSON schemas in words: what a value is, and which members an object has.

Enters: the schemas of the OpenAPI description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString

from agents.api.docs.text import marked

Schema = Mapping[str, Any]
REFERENCE: Final = "#/components/schemas/"
# A page of a list is told once for all lists.
PAGE: Final = "PageOut_"
# Members that say nothing to a reader: a NUL is refused everywhere.
NO_NUL: Final = r"^[^\x00]*$"
# What a database or a browser can hold is no limit that a caller meets.
LARGE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Word:
    """Some text, and the shape that it is the name of, if it is one."""

    text: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object, or one parameter of an address."""

    name: str
    kind: tuple[Word, ...]
    required: bool
    notes: SafeString
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """An object that answers or bodies are made of. `given`: all that it has is always
    there, as it is no caller that makes it."""

    name: str
    title: str
    said: SafeString
    given: bool
    members: tuple[Member, ...]


class Shapes:
    """The named schemas of a description."""

    def __init__(self, named: Mapping[str, Schema]) -> None:
        self._named = named

    def resolved(self, schema: Schema) -> Schema:
        """What a reference leads to, also where it may be left out (null); anything
        else is itself."""
        if name := name_of(schema):
            return self._named[name]
        several = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self.resolved(several[0]) if len(several) == 1 else schema

    def kind(self, schema: Schema) -> tuple[Word, ...]:
        """What a value is."""
        return tuple(_joined(self._kind(schema)))

    def members(self, schema: Schema) -> tuple[Member, ...]:
        """What an object has in it; nothing for what is no object."""
        told = self.resolved(schema)
        required = set(told.get("required", ()))
        return tuple(
            self.member(name, one, name in required)
            for name, one in told.get("properties", {}).items()
        )

    def member(self, name: str, schema: Schema, required: bool) -> Member:
        """One of them, or a parameter."""
        notes = [str(schema.get("description") or ""), *_bounds(schema)]
        if "default" in schema and schema["default"] not in (None, "", [], {}):
            notes.append(f"Default: {json.dumps(schema['default'])}.")
        said = " ".join(note for note in notes if note)
        return Member(name, self.kind(schema), required, marked(said))

    def reached(self, begin: Iterable[Schema]) -> list[Shape]:
        """Every object that these are made of, by name."""
        names: set[str] = set()
        waiting = list(begin)
        while waiting:
            for name in _names_in(waiting.pop()):
                if name not in names:
                    names.add(name)
                    waiting.append(self._named[name])
        shown = (name for name in sorted(names) if self._is_shown(name))
        return [self._shape(name) for name in shown]

    def _shape(self, name: str) -> Shape:
        told = self._named[name]
        said = marked(str(told.get("description", "")))
        given = not name.endswith("In")
        return Shape(name, title_of(name), said, given, self.members(told))

    def _is_shown(self, name: str) -> bool:
        return "properties" in self._named[name] and not name.startswith(PAGE)

    def _kind(self, schema: Schema) -> Iterator[Word]:
        name = name_of(schema)
        if name.startswith(PAGE):
            yield Word("a page of ")
            yield from self._kind(self._named[name]["properties"]["items"]["items"])
        elif name and self._is_shown(name):
            yield Word(title_of(name), name)
        elif name:
            yield from self._kind(self._named[name])
        elif several := schema.get("anyOf") or schema.get("oneOf"):
            if "properties" in schema:
                yield Word("object")
                return
            for at, one in enumerate(several):
                yield Word(" or " if at else "")
                yield from self._kind(one)
        elif "const" in schema:
            yield Word(json.dumps(schema["const"]))
        elif "enum" in schema:
            yield Word(" | ".join(json.dumps(one) for one in schema["enum"]))
        elif schema.get("type") == "array":
            yield Word("list of ")
            yield from self._kind(schema.get("items", {}))
        elif schema.get("type") == "object":
            yield from self._object(schema)
        else:
            kind = schema.get("type", "any value")
            told = {"date-time": "time", "binary": "bytes"}
            yield Word(told.get(schema.get("format", ""), str(kind)))

    def _object(self, schema: Schema) -> Iterator[Word]:
        values = schema.get("additionalProperties")
        if "patternProperties" in schema:
            values = next(iter(schema["patternProperties"].values()))
        yield Word("object")
        if isinstance(values, Mapping) and values:
            yield Word(" of ")
            yield from self._kind(values)


def name_of(schema: Schema) -> str:
    """The name that a reference has; empty where it is none."""
    return str(schema.get("$ref", "")).removeprefix(REFERENCE)


def title_of(name: str) -> str:
    """How a reader is told the name of a schema."""
    return name.removesuffix("Out").removesuffix("In")


def _names_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if name := name_of(schema):
            yield name
        for one in schema.values():
            yield from _names_in(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _names_in(one)


def _bounds(schema: Schema) -> Iterator[str]:
    """What of the limits a caller has to know."""
    for one in schema.get("anyOf", ()):
        yield from _bounds(one)
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None and most < LARGE:
        yield f"{least} to {most}."
    elif least:
        yield f"At least {least}."
    for key, noun in (("maxLength", "characters"), ("maxItems", "of them")):
        if key in schema:
            yield f"At most {schema[key]} {noun}."
    if "pattern" in schema and schema["pattern"] != NO_NUL:
        yield f"Matches `{schema['pattern']}`"


def _joined(words: Iterable[Word]) -> Iterator[Word]:
    """Neighbours without a shape as one."""
    text = ""
    for word in words:
        if word.shape:
            if text:
                yield Word(text)
            text = ""
            yield word
        else:
            text += word.text
    if text:
        yield Word(text)

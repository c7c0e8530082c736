"""Arguments as a tool describes them, and what is wrong with those it gets.

Of JSON schema only what the tools use: texts, whole numbers, switches, lists of texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agents.execution.tools.tool import Refused

_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "string": (str, "a text"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "array": (list, "a list of texts"),
}


def schema(required: tuple[str, ...] = (), **properties: Mapping[str, Any]) -> Any:
    """The schema of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def text(description: str) -> dict[str, Any]:
    """A property that is a text."""
    return {"type": "string", "description": description}


def texts(description: str) -> dict[str, Any]:
    """A property that is a list of texts."""
    return {"type": "array", "items": {"type": "string"}, "description": description}


def whole(
    description: str, low: int, high: int, default: int | None = None
) -> dict[str, Any]:
    """A property that is a whole number from low to high."""
    number: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        number["default"] = default
    return {**number, "description": description}


def switch(description: str) -> dict[str, Any]:
    """A property that is off unless it is switched on."""
    return {"type": "boolean", "default": False, "description": description}


def checked(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with defaults; Refused with all that is wrong with them.

    Models send null for what they leave out.
    """
    properties = schema["properties"]
    present = {name: value for name, value in given.items() if value is not None}
    problems = [
        f"{name} is missing" for name in schema["required"] if name not in present
    ]
    for name, value in present.items():
        if name not in properties:
            problems.append(f"{name!r:.100} is not known; known: {_listed(properties)}")
        elif problem := _problem(properties[name], value):
            problems.append(f"{name} {problem}")
    if problems:
        raise Refused(f"wrong arguments: {'; '.join(problems)}")
    defaults = {n: p["default"] for n, p in properties.items() if "default" in p}
    return {**defaults, **present}


def _listed(properties: Mapping[str, Any]) -> str:
    return ", ".join(properties)


def _problem(wanted: Mapping[str, Any], value: object) -> str | None:
    accepted, words = _TYPES[wanted["type"]]
    # True is an int to Python, and no number to anybody else.
    switched = isinstance(value, bool) and accepted is not bool
    if switched or not isinstance(value, accepted):
        return f"has to be {words}"
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return f"has to be {words}"
    if any(map(_is_torn, value if isinstance(value, list) else [value])):
        return "has half a letter (a lone surrogate) in it"
    if isinstance(value, int):
        low, high = wanted.get("minimum", value), wanted.get("maximum", value)
        if not low <= value <= high:
            return f"has to be from {low} to {high}"
    return None


def _is_torn(value: object) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return True
    return False

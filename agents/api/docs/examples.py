"""A call of each operation that can be run: a line for curl, with values that fit.

Enters: operations and schemas of the OpenAPI description. Pure.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from agents.api.docs.shapes import Schema, Shapes

TOKEN: Final = '-H "Authorization: Bearer $TOKEN"'
# What stands in an address, by the part before it.
OF_PART: Final[Mapping[str, str]] = {
    "agents": "web",
    "barriers": "phase-1",
    "schedules": "nightly",
}
# What stands for a member of a body, by its name.
KNOWN: Final[Mapping[str, Any]] = {
    "name": "web",
    "names": ["web"],
    "agent": "web",
    "labels": {"team": "search"},
    "workspace": "/srv",
    "paths": ["src/**"],
    "prompt": "What is in this folder?",
    "reason": "a new version",
    "text": "Go on.",
}
PLAIN: Final[Mapping[str, Any]] = {
    "string": "…",
    "boolean": True,
    "null": None,
}


def curl(
    method: str, address: str, operation: Mapping[str, Any], shapes: Shapes, open_: bool
) -> str:
    """The line; `$HUB` and `$TOKEN` are the reader's. `open_`: it takes no token."""
    query = {}
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            before, after = address.split(f"{{{one['name']}}}")
            known = OF_PART.get(before.rstrip("/").rpartition("/")[2])
            given = known or value(one["schema"], shapes, one["name"])
            address = f"{before}{given}{after}"
        elif one["in"] == "query" and one.get("required"):
            query[one["name"]] = value(one["schema"], shapes, one["name"])
    told = f"?{urlencode(query, doseq=True)}" if query else ""
    words = ["curl"]
    body = _body(operation, shapes)
    if method == "post" and body is None:
        words.append("-X POST")
    elif method not in {"get", "post"}:
        words.append(f"-X {method.upper()}")
    if not open_:
        words.append(TOKEN)
    if body is not None:
        words.append(f"--json {shlex.quote(body)}")
    words.append(f'"$HUB{address}{told}"' if told else f"$HUB{address}")
    return " ".join(words)


def _body(operation: Mapping[str, Any], shapes: Shapes) -> str | None:
    """JSON that the operation takes; None where it can be left out."""
    told = operation.get("requestBody", {})
    schema = told.get("content", {}).get("application/json", {}).get("schema")
    if schema is None or not told.get("required"):
        return None
    return json.dumps(value(schema, shapes), ensure_ascii=False)


def value(schema: Schema, shapes: Shapes, name: str = "") -> Any:
    """Something that fits a schema, such as a person would write."""
    if "example" in schema:
        return schema["example"]
    if name in KNOWN and "$ref" not in schema:
        return KNOWN[name]
    told = shapes.resolved(schema)
    for key in ("examples", "enum"):
        if told.get(key):
            return told[key][0]
    if "const" in told:
        return told["const"]
    if "properties" in told:
        return _object(told, shapes)
    if several := told.get("anyOf") or told.get("oneOf"):
        return value(several[0], shapes, name)
    if told.get("type") == "array":
        return [value(told.get("items", {}), shapes)]
    if told.get("type") == "object":
        return {}
    if told.get("type") in {"integer", "number"}:
        return max(1, told.get("minimum", 1))
    return PLAIN.get(str(told.get("type")), "…")


def _object(told: Schema, shapes: Shapes) -> dict[str, Any]:
    """What has to be in it; of what may be left out the first, if that is all."""
    parts = told["properties"]
    wanted = dict.fromkeys(_required(told))
    names = list(wanted) or list(parts)[:1]
    return {key: value(parts[key], shapes, key) for key in names}


def _required(told: Schema) -> Iterator[str]:
    """Beside members, `oneOf` and others say which of them belong together."""
    yield from told.get("required", ())
    for several in (told.get("oneOf"), told.get("anyOf")):
        yield from _required(several[0]) if several else ()
    for one in told.get("allOf", ()):
        yield from _required(one)

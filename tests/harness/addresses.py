"""Every address of the project, with arguments that name something that is there.

They come from the resolver; what has an address that cannot be filled in is an error
that says what to add here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.urls import get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern, URLPattern, URLResolver

from agents.api.urls import api

PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")
ADMIN_OBJECT: Final = re.compile(r"^admin/(?P<app>\w+)/(?P<model>\w+)/<")
# What stands for a regular expression: by how its route ends.
OF_REGEX: Final = {
    "/$": "agents/",
    "(?P<url>.*)$": "nowhere",
    "^api(?:/.*)?$": "api/nowhere",
}


@dataclass(frozen=True, slots=True)
class Address:
    """One route, filled in."""

    route: str
    path: str

    @property
    def is_api(self) -> bool:
        return self.route.startswith("api/v1/")

    @property
    def operations(self) -> dict[str, Any]:
        """What the OpenAPI description says of it, by method in capitals."""
        if not self.is_api:
            return {}
        paths = _description()["paths"]
        key = "/" + PARAMETER.sub(r"{\1}", self.route)
        return {m.upper(): told for m, told in paths.get(key, {}).items()}


@cache
def _description() -> dict[str, Any]:
    return dict(api.get_openapi_schema())


def addresses(examples: dict[str, object]) -> list[Address]:
    """All of them. `examples`: what stands for a parameter, by the part of the route
    before it (such as `tasks`), else by its name."""
    return [
        Address(route, "/" + _filled(route, examples))
        for route in _routes(get_resolver().url_patterns)
    ]


def _routes(
    patterns: Iterable[URLPattern | URLResolver], before: str = ""
) -> Iterator[str]:
    for one in patterns:
        assert isinstance(one.pattern, RoutePattern | RegexPattern), one
        text = str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _routes(one.url_patterns, before + text)
        else:
            yield before + text


def _filled(route: str, examples: dict[str, object]) -> str:
    for end, instead in OF_REGEX.items():
        if route.endswith(end) and "(?" in route:
            kept = route.partition("(" if end != "/$" else "^")[0]
            return instead if end.startswith("^") else kept + instead
    assert "(?" not in route, f"tests/harness/addresses.py: no example of {route}"

    def value(found: re.Match[str]) -> str:
        of_admin = ADMIN_OBJECT.match(route)
        if of_admin and found[1] in {"object_id", "id", "number"}:
            model: Any = apps.get_model(of_admin["app"], of_admin["model"])
            first = model._base_manager.order_by("pk").first()
            assert first is not None, f"The world of the walk has no {model.__name__}."
            return str(first.pk)
        part = route[: found.start()].rstrip("/").rpartition("/")[2]
        for key in (part, found[1]):
            if key in examples:
                return str(examples[key])
        raise AssertionError(f"The world of the walk has no {found[1]!r} for {route}")

    return PARAMETER.sub(value, route)


def body_of(operation: dict[str, Any], examples: dict[str, object]) -> Any:
    """A JSON body that the description allows; None where it wants none."""
    content = operation.get("requestBody", {}).get("content", {})
    told = content.get("application/json", {}).get("schema")
    return None if told is None else _value(told, "", examples)


def query_of(operation: dict[str, Any], examples: dict[str, object]) -> dict[str, Any]:
    """The query parameters that have to be there."""
    return {
        one["name"]: _value(one["schema"], one["name"], examples)
        for one in operation.get("parameters", ())
        if one["in"] == "query" and one.get("required")
    }


def _value(told: dict[str, Any], name: str, examples: dict[str, object]) -> Any:
    if "$ref" in told:
        kind = told["$ref"].rpartition("/")[2]
        told = _description()["components"]["schemas"][kind]
    if name in examples:
        return examples[name]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in told and "properties" not in told:
            return _value(told[several][0], name, examples)
    for known in ("const", "default"):
        if told.get(known) is not None:
            return told[known]
    if "enum" in told:
        return told["enum"][0]
    kind = told.get("type", "object")
    if kind == "object":
        # Beside properties, `oneOf` says which of them belong together.
        choices = [told, *told.get("allOf", ())]
        first = [one["oneOf"][0] for one in choices if "oneOf" in one]
        wanted = [name for one in (told, *first) for name in one.get("required", ())]
        parts = told.get("properties", {})
        return {key: _value(parts[key], key, examples) for key in wanted}
    if kind == "array":
        least = told.get("minItems", 0)
        return [_value(told["items"], name, examples)] * max(1, least)
    plain = {"string": "x", "boolean": False, "null": None}
    return plain[kind] if kind in plain else told.get("minimum", 1)

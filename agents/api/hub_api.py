"""The API as a whole: its routers, who is let in, and its OpenAPI description.

What may enter: what holds for every route. A room's routes stand in `routes`.
"""

from __future__ import annotations

from copy import deepcopy
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from agents.api import access, etags, problems
from agents.api.callers import AUTH, needs
from agents.api.docs import page
from agents.api.routes import (
    agent_lists,
    agents,
    asking,
    audit,
    barriers,
    batches,
    brake,
    heartbeats,
    lock_ends,
    locks,
    logs,
    overview,
    registry,
    schedules,
    standard_input,
    steering,
    tasks,
    watching,
)

DESCRIPTION: Final = (
    "Everything that a person can do in AgentHub, for programs. A call that cannot be "
    "done is answered by a problem (RFC 9457) that says what to change."
)
VERSION: Final = "1"


class HubApi(NinjaAPI):
    """Ninja's, with problems in place of its own errors, and with ETags."""

    def create_response(
        self,
        request: HttpRequest,
        data: Any,
        *,
        status: int | None = None,
        temporal_response: HttpResponse | None = None,
    ) -> HttpResponse:
        """The answer with its tag, where the route has made one."""
        response = super().create_response(
            request, data, status=status, temporal_response=temporal_response
        )
        return etags.put(request, response)

    def get_openapi_schema(
        self,
        *,
        path_prefix: str | None = None,
        path_params: dict[str, Any] | None = None,
    ) -> OpenAPISchema:
        """The description, in which refusals have their own media type."""
        schema = super().get_openapi_schema(
            path_prefix=path_prefix, path_params=path_params
        )
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                _add_unreadable(operation)
                _name_problems(operation)
                allowed = access.of(method, path, operation)
                operation[access.EXTENSION] = access.written(allowed)
        for name in ("Bearer", "Session"):
            schema["components"]["securitySchemes"].pop(f"Async{name}", None)
        return schema


def _add_unreadable(operation: dict[str, Any]) -> None:
    """A body that is no JSON, or too large, is refused before the route has a say."""
    if "requestBody" in operation:
        told = operation["responses"]
        for status in (400, 413):
            phrase = HTTPStatus(status).phrase
            told[status] = deepcopy(told[422]) | {"description": phrase}
        operation["responses"] = dict(sorted(told.items()))


def _name_problems(operation: dict[str, Any]) -> None:
    for security in operation.get("security", ()):
        for name in tuple(security):
            security[name.removeprefix("Async")] = security.pop(name)
    for told in operation["responses"].values():
        content = told.get("content", {})
        kind = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if kind.endswith("ProblemOut"):
            content[problems.MEDIA_TYPE] = content.pop("application/json")


def build() -> HubApi:
    """The API with every route."""
    api = HubApi(
        title="AgentHub",
        version=VERSION,
        description=DESCRIPTION,
        auth=AUTH,
        urls_namespace="api",
        # The description is a route of ours, the docs are a page of ours.
        openapi_url=None,
        docs_url=None,
    )
    problems.teach(api)
    # Before the agents: `batch` and `register` are no agents' names.
    api.add_router("", registry.router, tags=["Registry"])
    api.add_router("", steering.router, tags=["Steering"])
    (of_agents,) = {agents.router, agent_lists.router}
    api.add_router("", of_agents, tags=["Agents"])
    api.add_router("", logs.router, tags=["Agents"])
    api.add_router("", standard_input.router, tags=["Agents"])
    api.add_router("", heartbeats.router, tags=["Registry"])
    api.add_router("", barriers.router, tags=["Barriers"])
    api.add_router("", schedules.router, tags=["Schedules"])
    api.add_router("", asking.router, tags=["Tasks"])
    api.add_router("", tasks.router, tags=["Tasks"])

    api.add_router("", batches.router, tags=["Batches"])
    api.add_router("", overview.router, tags=["Hub"])
    api.add_router("", audit.router, tags=["Hub"])
    api.add_router("", brake.router, tags=["Hub"])
    api.add_router("", locks.router, tags=["Locks"])
    api.add_router("", lock_ends.router, tags=["Locks"])
    api.add_router("", watching.router, tags=["Hub"])

    @api.get("openapi.json", include_in_schema=False, url_name="openapi")
    def openapi(request: HttpRequest) -> dict[str, Any]:
        needs(request)
        return dict(api.get_openapi_schema())

    docs = page.view_of(api.get_openapi_schema)
    api.get("docs", auth=None, include_in_schema=False, url_name="docs")(docs)

    return api

"""The addresses of the control API; what is none of them is answered as a problem."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from agents.api import hub_api
from agents.api.problems import Problem, answer

api: Final = hub_api.build()


@csrf_exempt
def no_such_address(request: HttpRequest) -> HttpResponseBase:
    """Everything else below the API."""
    told = f"The API has no address {request.path}. GET /api/v1/openapi.json has all."
    return answer(Problem(404, told))


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code != 405:
        return response
    allowed = ", ".join(sorted(response.headers["Allow"].split(", ")))
    told = f"{request.path} knows {allowed}, not {request.method}."
    return answer(Problem(405, told, headers={"Allow": allowed}))


def _with_problems(view: Callable[..., Any]) -> Callable[..., Any]:
    """A method that an address does not know is a problem as well."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def on_loop(request: HttpRequest, **kw: Any) -> HttpResponseBase:
            return _as_problem(request, await view(request, **kw))

        return on_loop

    @wraps(view)
    def in_thread(request: HttpRequest, **kw: Any) -> HttpResponseBase:
        return _as_problem(request, view(request, **kw))

    return in_thread


_patterns, _app_name, _namespace = api.urls
for _pattern in _patterns:
    assert isinstance(_pattern, URLPattern)
    _pattern.callback = _with_problems(_pattern.callback)

urlpatterns: list[Any] = [
    path("api/v1/", (_patterns, _app_name, _namespace)),
    re_path(r"^api(?:/.*)?$", no_such_address),
]

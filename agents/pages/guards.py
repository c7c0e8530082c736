"""Who may open a page, and what every page needs around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, cast

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from agents.services import brake_view, changes, overview
from agents.services.permissions import OPERATE, VIEW

Parameters = ParamSpec("Parameters")

REFUSED: Final = "You may look at agents, but not start or stop them."


class PageRequest(HttpRequest):
    """A request after the middlewares and a guard: signed in, htmx known."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, Parameters], HttpResponseBase]
Guarded = Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]


def needs(permission: str) -> Callable[[View[Parameters]], Guarded[Parameters]]:
    """Send who is not signed in to the sign-in page; refuse who may not."""

    def decorate(view: View[Parameters]) -> Guarded[Parameters]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs
        ) -> HttpResponseBase:
            asked = cast(PageRequest, request)
            response: HttpResponseBase
            if not request.user.is_authenticated:
                response = _sign_in(asked)
            elif not asked.user.has_perms([VIEW, permission]):
                response = _refuse(asked, permission)
            else:
                response = view(asked, *args, **kwargs)
            # The same address answers htmx with a part of the page.
            patch_vary_headers(response, ["HX-Request"])
            return response

        return guarded

    return decorate


def around(request: PageRequest) -> dict[str, Any]:
    """What every live page needs; read before its rows, so that no news is missed."""
    return {
        "seq": changes.latest(),
        "supervision": overview.supervision(),
        "brake": brake_view.view(),
        "operator": request.user.has_perm(OPERATE),
    }


def _sign_in(request: PageRequest) -> HttpResponseBase:
    if request.htmx:
        # Followed as a redirect, the sign-in page would land inside this one.
        return HttpResponseClientRedirect(resolve_url("sign-in"))
    # Only a GET can be repeated after signing in.
    after = request.get_full_path() if request.method == "GET" else resolve_url("/")
    return redirect_to_login(after)


def _refuse(request: PageRequest, permission: str) -> HttpResponseBase:
    if not request.htmx:
        raise PermissionDenied(REFUSED if permission != VIEW else "")
    context = {"message": REFUSED, "level": "error"}
    response = render(request, "agents/_flash.html", context, status=403)
    response["HX-Retarget"] = "#flash"
    return response

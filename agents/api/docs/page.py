"""The page of the docs: for whoever may read the description itself.

It is rendered once for an address of the hub, as the description never changes while a
process lives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response, patch_vary_headers
from ninja.errors import AuthenticationError

from agents.api.callers import needs, whoever
from agents.api.docs.reference import read

Describe = Callable[[], Mapping[str, Any]]


def view_of(describe: Describe) -> Callable[[HttpRequest], HttpResponseBase]:
    """The view of a description."""

    @lru_cache(maxsize=8)
    def rendered(hub: str) -> tuple[bytes, str]:
        context = {"reference": read(describe()), "hub": hub}
        page = render_to_string("api/docs.html", context).encode()
        return page, f'W/"{hashlib.sha256(page).hexdigest()[:32]}"'

    def docs(request: HttpRequest) -> HttpResponseBase:
        caller = whoever(request)
        if caller is None:
            # A person is shown the way in, a program what to send.
            if "text/html" in request.headers.get("Accept", ""):
                return redirect_to_login(request.get_full_path())
            raise AuthenticationError
        request.auth = caller  # type: ignore[attr-defined]
        needs(request)
        page, tag = rendered(request.build_absolute_uri("/").rstrip("/"))
        response = HttpResponse(page)
        response["ETag"] = tag
        response["Cache-Control"] = "private, no-cache"
        patch_vary_headers(response, ["Accept", "Authorization", "Cookie"])
        known = get_conditional_response(request, etag=tag, response=response)
        return known or response

    return docs

"""Signing in by name and password, on the pages and in the admin: how often it fails.

A browser in which somebody has signed in is marked by a cookie, so that strangers who
fail behind the same proxy cannot lock them out.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.contrib.auth.forms import AuthenticationForm
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

from agents.services import failures

SALT: Final = "agents.services.sign_in"
# Seconds; browsers keep no cookie for longer.
KEPT: Final = 400 * 24 * 3600
TOO_MANY: Final = "Too many failed sign-ins. Try again in {when}."


class LimitedSignIn(AuthenticationForm):
    """Django's form, which does not even look at a password after too many failures.

    `wait`: the seconds until it does again; 0 where it has looked.
    """

    wait = 0

    def clean(self) -> dict[str, Any]:
        """Count a failure first, and take that back if it was none: many at once get
        no further than one after the other."""
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        assert self.request is not None
        address = self.request.META.get("REMOTE_ADDR") or ""
        buckets = failures.sign_in(name, address, _browser(self.request, name))
        self.wait = failures.take(buckets)
        if self.wait:
            told = TOO_MANY.format(when=_in_words(self.wait))
            raise ValidationError(told, code="too_many")
        cleaned = super().clean()
        # Guesses at another name from here stay counted.
        failures.forget(buckets[0])
        failures.give_back(buckets[1:])
        return cleaned


def finish(request: HttpRequest, form: Any, response: HttpResponseBase) -> None:
    """Answer 429 where the form was locked; mark a browser that has signed in."""
    if wait := getattr(form, "wait", 0):
        response.status_code = 429
        response.headers["Retry-After"] = str(wait)
    elif request.method == "POST" and response.status_code == 302:
        name = request.user.get_username()
        response.set_cookie(
            _cookie(name),
            signing.dumps([name, secrets.token_hex(8)], salt=SALT),
            max_age=KEPT,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )


def _browser(request: HttpRequest, name: str) -> str:
    """The mark of a browser that knows this person; empty for any other."""
    try:
        known, mark = signing.loads(
            request.COOKIES.get(_cookie(name), ""), salt=SALT, max_age=KEPT
        )
    except (signing.BadSignature, ValueError):
        return ""
    return str(mark) if known == name else ""


def _cookie(name: str) -> str:
    """One for each person, whose name is nobody else's business."""
    return "known_" + salted_hmac(SALT, name).hexdigest()[:12]


def _in_words(wait: int) -> str:
    if wait < 60:
        return f"{wait} second{'s' if wait > 1 else ''}"
    minutes = -(-wait // 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}"

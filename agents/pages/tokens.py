"""A person's own API tokens: made, shown once, listed and revoked.

A new one is in the answer to the form that made it and nowhere else: neither in a
session nor in an address nor in what a browser keeps.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import OperationalError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST

from agents.models import ApiToken
from agents.models.choices import ScopeChoice
from agents.pages.answering import question, unanswered
from agents.pages.guards import PageRequest, around, needs
from agents.services import token_list
from agents.services import tokens as services
from agents.services.permissions import VIEW
from agents.services.tokens import Issued

NAME_TAKEN: Final = "You have a token of this name. Revoke it, or choose another name."
# Days until it ends; none for a token that does not.
LIVES: Final = {
    "7": "in a week",
    "30": "in 30 days",
    "90": "in 90 days",
    "365": "in a year",
    "never": "never",
}
PROPOSED: Final = {"scope": ScopeChoice.VIEW.value, "expires": "90"}
MEANINGS: Final = {
    ScopeChoice.VIEW: "look at agents, their output, tasks and history",
    ScopeChoice.OPERATE: "and start, stop and ask them",
    ScopeChoice.CONFIGURE: "and set them up",
}


class NewToken(forms.Form):
    """What a person says of the token they want: at most what they may themselves."""

    name = forms.CharField(
        max_length=60, error_messages={"required": "Say what will use it."}
    )
    scope = forms.ChoiceField(
        error_messages={
            "required": "Choose what it may do.",
            "invalid_choice": "You may not do that yourself, so no token of yours can.",
        }
    )
    expires = forms.ChoiceField(choices=list(LIVES.items()))

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        own = token_list.scopes_of(user)
        self.scopes = [
            (scope, ScopeChoice(scope).label, MEANINGS[ScopeChoice(scope)])
            for scope in own
        ]
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(scope, label) for scope, label, _ in self.scopes]

    def issue(self, user: User) -> Issued | None:
        """Make it; None where something has to be changed, which the form then says."""
        if not self.is_valid():
            return None
        days = self.cleaned_data["expires"]
        end = None
        if days != "never":
            end = timezone.now() + timedelta(days=int(days))
        try:
            return services.issue(
                user,
                name=self.cleaned_data["name"],
                scope=self.cleaned_data["scope"],
                by=user,
                expires_at=end,
            )
        except ValidationError as error:
            for field, problems in error.message_dict.items():
                if field == NON_FIELD_ERRORS:
                    self.add_error("name", NAME_TAKEN)
                else:
                    self.add_error(field if field in self.fields else "name", problems)
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """A token that has just been made, and how to try it."""

    name: str
    secret: str
    command: str


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def tokens(request: PageRequest) -> HttpResponse:
    """The list; a POST makes one, and its answer is the only place to see it."""
    user = _person(request)
    context = around(request)
    form, status = NewToken(user, initial=PROPOSED), 200
    if request.method == "POST":
        form, status = NewToken(user, request.POST), 422
        try:
            issued = form.issue(user)
        except OperationalError as error:
            messages.error(request, unanswered(error, "changed"))
            issued, status = None, 503
        if issued is not None:
            context["made"] = _shown(request, issued)
            form, status = NewToken(user, initial=PROPOSED), 200
    rows = token_list.rows_of(user)
    context |= {
        "form": form,
        "lives": LIVES,
        "lasting": [row for row in rows if row.lasting],
        "ended": [row for row in rows if not row.lasting],
    }
    response = render(request, "agents/tokens.html", context, status=status)
    # Nobody who goes back in this browser finds a token there.
    add_never_cache_headers(response)
    return response


@require_POST
@needs(VIEW)
def revoke(request: PageRequest, number: int) -> HttpResponse:
    """End a token of one's own, once that is confirmed."""
    token = get_object_or_404(ApiToken, pk=number, user=_person(request))
    if request.POST.get("confirmed") != "yes":
        context = {"token": token, "back": reverse("tokens")}
        title = f"Revoke {token.name}?"
        return question(request, title, "agents/_revoke.html", context)
    try:
        done = services.revoke(token, by=_person(request))
    except OperationalError as error:
        messages.error(request, unanswered(error, "changed"))
    else:
        told = "lets nobody in any more" if done else "was revoked already"
        messages.success(request, f"{token.name} {told}.")
    return HttpResponseRedirect(reverse("tokens"))


def _person(request: PageRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _shown(request: PageRequest, issued: Issued) -> Shown:
    bearer = f"Authorization: Bearer {issued.secret}"
    address = request.build_absolute_uri(reverse("api:agents"))
    command = shlex.join(["curl", "-H", bearer, address])
    return Shown(issued.token.name, issued.secret, command)

"""The sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse

from agents.services import sign_in


class SignIn(LoginView):
    """Django's, with an end to guessing."""

    authentication_form = sign_in.LimitedSignIn
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """They are in, and so this browser is known."""
        return self._finished(form, super().form_valid(form))

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """They are not, and perhaps have to wait."""
        return self._finished(form, super().form_invalid(form))

    def _finished(self, form: Any, response: HttpResponse) -> HttpResponse:
        sign_in.finish(self.request, form, response)
        return response

"""The admin's own sign-in form, with an end to guessing."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm

from agents.services.sign_in import LimitedSignIn


class LimitedAdminSignIn(LimitedSignIn, AdminAuthenticationForm):
    """For members of staff; failures here and on the sign-in page are one."""

"""Whether a page's person may look, and may act. Reads the database."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import SessionBase

from agents.services.permissions import OPERATE, VIEW


@dataclass(frozen=True, slots=True)
class Access:
    """What a person may do now."""

    signed_in: bool
    view: bool
    operate: bool


NOBODY = Access(signed_in=False, view=False, operate=False)


def access(user_id: int | None, session: SessionBase | None) -> Access:
    """Asked anew each time: people are disabled and sign out while pages are open."""
    if user_id is None:
        return NOBODY
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return NOBODY
    if session is not None and not session.exists(session.session_key or ""):
        return NOBODY
    return Access(
        signed_in=True, view=user.has_perm(VIEW), operate=user.has_perm(OPERATE)
    )

"""People's tokens as they are shown: which there are, how they stand, what they give.

What may enter: what lists and forms of tokens need. Read only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import ApiToken
from agents.models.choices import ScopeChoice
from agents.services import tokens
from agents.services.figures import Stamp, stamp, stamp_or_none
from agents.services.permissions import CONFIGURE, OPERATE, VIEW
from agents.services.shapes import utc

# What a person has to have for a scope to be worth all that it says.
_NEEDED: Final = {
    ScopeChoice.VIEW: VIEW,
    ScopeChoice.OPERATE: OPERATE,
    ScopeChoice.CONFIGURE: CONFIGURE,
}


class TokenState(StrEnum):
    """Whether a token lets somebody in."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DISABLED = "disabled"


# Tone, icon and word of each state.
LOOKS: Final[Mapping[TokenState, tuple[str, str, str]]] = {
    TokenState.VALID: ("running", "check", "Valid"),
    TokenState.EXPIRED: ("backoff", "backoff", "Expired"),
    TokenState.REVOKED: ("stopped", "kill", "Revoked"),
    TokenState.DISABLED: ("crashed", "warning", "Person disabled"),
}


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token in a person's own list. `by`: who made it, if that was somebody else."""

    id: int
    name: str
    hint: str
    scope: str
    tone: str
    icon: str
    state: str
    lasting: bool
    made: Stamp
    by: str
    used: Stamp | None
    expires: Stamp | None


def free_name(user: User, wished: str) -> str:
    """This name, or with the first number that makes it new among those in use."""
    taken = set(
        ApiToken.objects.filter(user=user, revoked_at=None).values_list(
            "name", flat=True
        )
    )
    name, number = wished, 1
    while name in taken:
        number += 1
        name = f"{wished}-{number}"
    return name


def scopes_of(user: User) -> list[str]:
    """The scopes that give a program no more than this person may."""
    granted = tokens.of_user(user).permissions
    return [scope for scope, name in _NEEDED.items() if name in granted]


def state_of(token: ApiToken) -> TokenState:
    """How it stands; `token.user` is looked at."""
    if token.revoked_at is not None:
        return TokenState.REVOKED
    if token.expires_at is not None and token.expires_at <= timezone.now():
        return TokenState.EXPIRED
    assert isinstance(token.user, User)
    return TokenState.VALID if token.user.is_active else TokenState.DISABLED


def all_of(user: User | None = None) -> Sequence[ApiToken]:
    """Everyone's or one person's tokens, those that can be revoked first, the newest
    first."""
    found = ApiToken.objects.select_related("user")
    if user is not None:
        found = found.filter(user=user)
    return sorted(found, key=lambda one: (one.revoked_at is not None, -one.pk))


def rows_of(user: User) -> list[TokenRow]:
    """One person's tokens for their page, those that can be revoked first."""
    name = user.get_username()
    return [_row(token, name) for token in all_of(user)]


def _row(token: ApiToken, own: str) -> TokenRow:
    state = state_of(token)
    tone, icon, word = LOOKS[state]
    return TokenRow(
        id=token.pk,
        name=token.name,
        hint=token.hint,
        scope=token.get_scope_display(),
        tone=tone,
        icon=icon,
        state=word,
        lasting=token.revoked_at is None,
        made=stamp(token.created_at),
        by="" if token.created_by == own else token.created_by,
        used=stamp_or_none(token.last_used_at),
        expires=stamp_or_none(token.expires_at),
    )


def token_shape(token: ApiToken) -> dict[str, Any]:
    """One token as programs see it; nothing in it lets anybody in."""
    return {
        "user": token.user.get_username(),
        "name": token.name,
        "scope": token.scope,
        "state": state_of(token).value,
        "hint": token.hint,
        "created_at": utc(token.created_at),
        "created_by": token.created_by,
        "last_used_at": utc(token.last_used_at),
        "expires_at": utc(token.expires_at),
        "revoked_at": utc(token.revoked_at),
    }

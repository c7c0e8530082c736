"""Who a token lets in: made once, shown once, kept as a hash, narrowed by its scope.

What may enter: the rules of tokens of people and of runs. Blocking.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents.models import ApiToken, Run
from agents.models.choices import ScopeChoice
from agents.policy.states import ALIVE
from agents.services.permissions import (
    AUDIT,
    CONFIGURE,
    DEFINE_COMMANDS,
    OPERATE,
    VIEW,
)

# What a secret scanner, and we, know them by.
OF_A_PERSON: Final = "ahp_"
OF_A_RUN: Final = "ahr_"
# Seconds. When it was last used is a hint for people, not worth a write each time.
NOTE_USE_EVERY: Final = 60

SCOPES: Final[Mapping[str, frozenset[str]]] = {
    ScopeChoice.VIEW: frozenset({VIEW}),
    ScopeChoice.OPERATE: frozenset({VIEW, OPERATE}),
    ScopeChoice.CONFIGURE: frozenset(
        {VIEW, OPERATE, CONFIGURE, DEFINE_COMMANDS, AUDIT}
    ),
}
EVERYTHING: Final = SCOPES[ScopeChoice.CONFIGURE]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what they may do now.

    A person, by session or token, has permissions. A run's processes have none: they
    act for their own agent, `agent_id`, and only where a door lets runs in.
    """

    actor: str
    via: str
    permissions: frozenset[str] = frozenset()
    user_id: int | None = None
    token: str = ""
    agent_id: int | None = None
    agent: str = ""
    run_id: str = ""

    @property
    def is_run(self) -> bool:
        """Whether an agent's own processes call."""
        return self.agent_id is not None

    @property
    def key_owner(self) -> str:
        """Whose idempotency keys these are: two people may choose the same."""
        return f"run {self.run_id}" if self.is_run else f"user {self.user_id}"

    def may(self, permission: str) -> bool:
        """Whether this permission is there."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; `secret` is nowhere else, and cannot be had again."""

    token: ApiToken
    secret: str = field(repr=False)


def hash_of(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def for_run() -> str:
    """A new token for the processes of one run."""
    return OF_A_RUN + secrets.token_urlsafe(32)


def issue(
    user: User,
    *,
    name: str,
    scope: str,
    by: User | str,
    expires_at: datetime | None = None,
) -> Issued:
    """A new token of this person, made by a user, or by who is at the terminal.

    Raises django's ValidationError by field.
    """
    if not name.isprintable():
        raise ValidationError(
            {"name": "A name has letters, and no control characters."}
        )
    if expires_at is not None and expires_at <= timezone.now():
        raise ValidationError({"expires_at": "That is past: it would let nobody in."})
    secret = OF_A_PERSON + secrets.token_urlsafe(32)
    token = ApiToken(
        user=user,
        name=name.strip(),
        scope=scope,
        hash=hash_of(secret),
        hint=secret[: len(OF_A_PERSON) + 4],
        created_by=str(by),
        expires_at=expires_at,
    )
    with transaction.atomic():
        # The person's row is what two who make a token of one name wait for.
        User.objects.select_for_update().get(pk=user.pk)
        token.full_clean()
        token.save(force_insert=True)
        until = (
            f"until {expires_at.astimezone(UTC):%F %R} UTC"
            if expires_at
            else "for ever"
        )
        _note(token, ADDITION, f"Made by {by}: scope {scope}, {until}.", by)
    return Issued(token, secret)


def revoke(token: ApiToken, *, by: User | str) -> bool:
    """From now on it lets nobody in; False when that was so already."""
    with transaction.atomic():
        valid = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        done = bool(valid.update(revoked_at=timezone.now()))
        if done:
            _note(token, CHANGE, f"Revoked by {by}.", by)
    return done


def find(secret: str) -> Caller | None:
    """Whom this token lets in, as they are now; None for nobody."""
    if secret.startswith(OF_A_PERSON):
        return _person(hash_of(secret))
    if secret.startswith(OF_A_RUN):
        return _run(hash_of(secret))
    return None


def of_user(user: User) -> Caller:
    """Somebody who has signed in, with all that they may do."""
    return Caller(
        actor=user.get_username(),
        via="api",
        permissions=_granted(user, EVERYTHING),
        user_id=user.pk,
    )


def _person(digest: str) -> Caller | None:
    now = timezone.now()
    valid = ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        hash=digest,
        revoked_at=None,
        user__is_active=True,
    )
    try:
        token = valid.select_related("user").get()
    except ApiToken.DoesNotExist:
        return None
    long_ago = now - timedelta(seconds=NOTE_USE_EVERY)
    if token.last_used_at is None or token.last_used_at < long_ago:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    assert isinstance(token.user, User)
    return Caller(
        actor=token.user.get_username(),
        via=f"api: {token.name}",
        permissions=_granted(token.user, SCOPES[token.scope]),
        user_id=token.user.pk,
        token=token.name,
    )


def _run(digest: str) -> Caller | None:
    live = Run.objects.filter(
        token_hash=digest,
        ended_at=None,
        agent__isnull=False,
        agent__status__in=[one.value for one in ALIVE],
    )
    found = live.values_list("pk", "number", "agent_id", "agent__name").first()
    if found is None:
        return None
    run_id, number, agent_id, name = found
    return Caller(
        actor=f"agent {name}",
        via=f"api: run {number}",
        agent_id=agent_id,
        agent=name,
        run_id=str(run_id),
    )


def _granted(user: User, most: frozenset[str]) -> frozenset[str]:
    """Of these, what the person has; nothing without the right to look."""
    granted = frozenset(one for one in most if user.has_perm(one))
    return granted if VIEW in granted else frozenset()


def _note(token: ApiToken, flag: int, message: str, by: User | str) -> None:
    """A line in the audit, by whoever did it; by the token's person if that was
    somebody at the terminal, whom the line names."""
    LogEntry.objects.log_actions(
        user_id=by.pk if isinstance(by, User) else token.user_id,
        queryset=[token],
        action_flag=flag,
        change_message=message,
        single_object=True,
    )

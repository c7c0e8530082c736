"""Whether whoever listens may look, and may act. Reads the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare

from agents.live import follow_tasks
from agents.live.topics import Wanted
from agents.services import failures, tokens
from agents.services.permissions import OPERATE, VIEW


@dataclass(frozen=True, slots=True)
class Access:
    """What somebody may do now. `agent_id`, `agent`: of the run whose processes these
    are; they may follow their own agent, and nothing else. `wait`: seconds until a
    token from this address is looked at again, after too many that were wrong."""

    signed_in: bool
    view: bool
    operate: bool
    agent_id: int | None = None
    agent: str = ""
    wait: int = 0

    @property
    def listen(self) -> bool:
        """Whether there is anything that may be followed."""
        return self.view or self.agent_id is not None


NOBODY = Access(signed_in=False, view=False, operate=False)


def access(user_id: int | None, session: SessionBase | None) -> Access:
    """Asked anew each time: people are disabled, sign out, or get another password
    while pages are open, and sessions expire."""
    if user_id is None:
        return NOBODY
    user = get_user_model().objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return NOBODY
    if session is not None and not _is_theirs(session, user):
        return NOBODY
    return Access(
        signed_in=True, view=user.has_perm(VIEW), operate=user.has_perm(OPERATE)
    )


def _is_theirs(session: SessionBase, user: AbstractBaseUser) -> bool:
    """Whether the session, as it is stored now, still signs this person in."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    kept = store(session.session_key)
    if kept.get(SESSION_KEY) != str(user.pk):
        return False
    known = kept.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(known, one) for one in hashes)


def access_by_token(secret: str, address: str = "") -> Access:
    """Likewise: tokens expire and are revoked, and runs end. `address`: of who tries
    one; a wrong one is counted."""
    caller = tokens.find(secret)
    if caller is None:
        wait = failures.token_failed(address) if address else 0
        return replace(NOBODY, wait=wait)
    return Access(
        signed_in=True,
        view=caller.may(VIEW),
        operate=caller.may(OPERATE),
        agent_id=caller.agent_id,
        agent=caller.agent,
    )


def refusal(may: Access, wanted: Wanted) -> str:
    """Why this may not be followed, in words; empty if it may."""
    if may.view:
        return ""
    if wanted.everyone or {*wanted.agents, *wanted.logs} - {may.agent}:
        return f"this token is that of a run of {may.agent}: it follows no other agent"
    for task_id in wanted.tasks:
        if follow_tasks.agent_of(task_id) != may.agent_id:
            return f"task {task_id} is not one of {may.agent}"
    return ""

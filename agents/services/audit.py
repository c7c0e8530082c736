"""What programs change stands in the audit log, by whoever's token it was.

What may enter: lines of the log for doors that are not the admin. Blocking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib.admin.models import ADDITION as ADDITION
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model

from agents.models import Agent
from agents.policy.states import Action
from agents.services.tokens import Caller


def asked(
    caller: Caller, action: Action, agents: Iterable[Agent], reason: str = ""
) -> None:
    """These agents were asked; call it in the transaction that asks them."""
    words = f"Asked to {action} by {door(caller)}"
    changed(caller, list(agents), words + (f": {reason}" if reason else "."))


def changed(
    caller: Caller, rows: Sequence[Model], words: str, flag: int = CHANGE
) -> None:
    """A line for each row, all of one table; `words` name the `door`. `flag`: that of
    a LogEntry.

    A run has no account to write under; what it does stands in its agent's history.
    """
    noted(caller.user_id, rows, words, flag)


def noted(
    user_id: int | None, objects: Sequence[Model], words: str, flag: int = CHANGE
) -> None:
    """A line for each of these rows, under this account; none without one."""
    if user_id is None or not objects:
        return
    LogEntry.objects.log_actions(
        user_id=user_id,
        queryset=objects,
        action_flag=flag,
        change_message=words,
    )


def door(caller: Caller) -> str:
    """By what somebody came in, in words."""
    if caller.token:
        return f"the token {caller.token!r}"
    return "a page" if caller.via == "page" else "the API"

"""`manage.py apitoken`: make a token for a person's programs, list them, revoke one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agents.management.agentctl.asker import who
from agents.management.agentctl.ending import leave_with
from agents.management.agentctl.terminal import ROOMY, Column, Terminal
from agents.management.agentctl.wording import age
from agents.models import ApiToken
from agents.models.choices import ScopeChoice
from agents.policy.hints import did_you_mean
from agents.services import token_list, tokens
from agents.services.figures import NOTHING

NAME: Final = "cli"
MOST_DAYS: Final = 36_500
COLUMNS: Final = (
    Column("Person"),
    Column("Token"),
    Column("Scope"),
    Column("State", status=True),
    Column("Begins with", least_width=ROOMY),
    Column("Made", right=True, least_width=ROOMY),
    Column("Used", right=True),
    Column("Until", fold=True),
)
ADVICE: Final = "Nothing was made; try again."


class Command(BaseCommand):
    """Exit code 0: done, 1: failed, 2: the line was wrong."""

    help = (
        "Make a token for a person's programs: it is printed alone on stdout, once. "
        "Or list tokens, or revoke one."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One line for each of the three."""
        parser.add_argument("user", nargs="?", metavar="USER", help="whose token")
        parser.add_argument(
            "--name",
            help=f"what uses it, such as: ci (default: {NAME}, or with a "
            "number if there is one)",
        )
        parser.add_argument(
            "--scope",
            choices=ScopeChoice.values,
            help="what it may; each includes the one before, and none exceeds what "
            f"the person may (default: {ScopeChoice.VIEW.value})",
        )
        parser.add_argument(
            "--expires",
            type=_end,
            metavar="WHEN",
            help="in so many days, or a date or time such as 2030-01-31T12:00Z; a date "
            "is up to its end, in UTC (default: never)",
        )
        parser.add_argument("--json", action="store_true", help="for programs")
        other = parser.add_mutually_exclusive_group()
        other.add_argument(
            "--list", action="store_true", help="all tokens, or those of USER"
        )
        other.add_argument("--revoke", metavar="NAME", help="end this token of USER")
        self._parser = parser

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; leave with the exit code unless it is 0."""
        making = not (options["list"] or options["revoke"] is not None)
        if options["user"] is None and not options["list"]:
            self._parser.error("name the USER whose token it is")
        if not making and any(options[key] for key in ("name", "scope", "expires")):
            self._parser.error("--name, --scope and --expires are for a new token")
        terminal = Terminal(self.stdout, self.stderr, options)
        leave_with(lambda: _done(options, terminal), terminal, ADVICE)


def _done(options: Mapping[str, Any], terminal: Terminal) -> int:
    user = None
    if (name := options["user"]) is not None:
        user = User.objects.filter(username=name).first()
        if user is None:
            known = User.objects.values_list("username", flat=True)
            told = f"There is no user {name!r}. {did_you_mean(name, known)}"
            terminal.note(told.rstrip())
            return 1
    if options["list"]:
        return _list(user, terminal)
    assert user is not None
    if options["revoke"] is not None:
        return _revoke(user, options["revoke"], terminal)
    return _make(user, options, terminal)


def _make(user: User, options: Mapping[str, Any], terminal: Terminal) -> int:
    scope = options["scope"] or ScopeChoice.VIEW.value
    name = options["name"]
    if name is None:
        name = token_list.free_name(user, NAME)
    try:
        issued = tokens.issue(
            user, name=name, scope=scope, by=who(), expires_at=options["expires"]
        )
    except ValidationError as error:
        for field, problems in error.message_dict.items():
            for problem in problems:
                where = "" if field == "__all__" else f"{field}: "
                terminal.note(f"{where}{problem}")
        return 1
    if warning := _of_no_use(user, scope):
        terminal.note(warning)
    if terminal.as_json:
        shape = token_list.token_shape(issued.token)
        terminal.json({**shape, "token": issued.secret})
    else:
        terminal.note(
            f"Token {name!r} of {user.get_username()}, scope {scope}. "
            "It is shown this once:"
        )
        terminal.say(issued.secret)
    return 0


def _of_no_use(user: User, scope: str) -> str:
    """What keeps the token from all that its scope says; empty for nothing."""
    name = user.get_username()
    if not user.is_active:
        return f"Note: {name} is disabled, so this token lets nobody in for now."
    granted = token_list.scopes_of(user)
    if scope in granted:
        return ""
    if not granted:
        return f"Note: {name} may not look at agents, so this token can do nothing yet."
    return (
        f"Note: {name} has no right to {scope}, so this token can do no more than "
        f"{granted[-1]} until that changes."
    )


def _list(user: User | None, terminal: Terminal) -> int:
    found = token_list.all_of(user)
    if terminal.as_json:
        terminal.json([token_list.token_shape(one) for one in found])
    elif found:
        terminal.table(COLUMNS, [_row(one) for one in found])
    else:
        terminal.note("There are no tokens. Make one: manage.py apitoken USER")
    return 0


def _row(token: ApiToken) -> list[str]:
    return [
        token.user.get_username(),
        token.name,
        token.scope,
        token_list.state_of(token).value,
        token.hint,
        f"{age(token.created_at)} ago",
        f"{age(token.last_used_at)} ago" if token.last_used_at else "never",
        f"{token.expires_at:%Y-%m-%d %H:%M}" if token.expires_at else NOTHING,
    ]


def _revoke(user: User, name: str, terminal: Terminal) -> int:
    token = ApiToken.objects.filter(user=user, name=name, revoked_at=None).first()
    if token is None:
        if ApiToken.objects.filter(user=user, name=name).exists():
            terminal.note(f"{name} was revoked already.")
            return 0
        known = ApiToken.objects.filter(user=user).values_list("name", flat=True)
        told = f"{user.get_username()} has no token {name!r}. "
        terminal.note((told + did_you_mean(name, known)).rstrip())
        return 1
    tokens.revoke(token, by=who())
    token.refresh_from_db()
    if terminal.as_json:
        terminal.json(token_list.token_shape(token))
    else:
        terminal.note(f"{name} of {user.get_username()} lets nobody in any more.")
    return 0


def _end(text: str) -> datetime:
    """A number of days from now, or a moment; a date is up to its end."""
    if text.isascii() and text.isdecimal():
        if not 1 <= len(text) <= 5 or not 0 < int(text) <= MOST_DAYS:
            raise argparse.ArgumentTypeError(f"1 to {MOST_DAYS} days")
        return timezone.now() + timedelta(days=int(text))
    try:
        if len(text) == len("2030-01-31"):
            day = date.fromisoformat(text)
            return datetime.combine(day + timedelta(days=1), time(), UTC)
        moment = parse_datetime(text)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of days nor a date such as 2030-01-31"
        )
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range") from None

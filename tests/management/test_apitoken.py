"""`manage.py apitoken`: the token alone on stdout, and all else beside it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone

from agents.models import ApiToken
from agents.services import tokens
from tests.harness.hub import HubProcess
from tests.management.conftest import Answer


def apitoken(*line: str) -> Answer:
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command("apitoken", *line, stdout=out, stderr=err)
    except SystemExit as left:
        code = int(left.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def test_the_token_stands_alone_on_stdout_and_lets_its_person_in(bob: User) -> None:
    answer = apitoken("bob", "--scope", "operate")
    secret = answer.out.removesuffix("\n")
    assert answer.code == 0 and secret.startswith("ahp_") and "\n" not in secret
    assert secret not in answer.err
    caller = tokens.find(secret)
    assert caller is not None and caller.actor == "bob" and caller.via == "api: cli"
    assert caller.permissions == tokens.SCOPES["operate"]


def test_it_may_look_and_no_more_unless_told_and_names_are_told_apart(
    alice: User,
) -> None:
    for _ in range(3):
        assert apitoken("alice").code == 0
    made = ApiToken.objects.order_by("id").values_list("name", "scope")
    assert list(made) == [("cli", "view"), ("cli-2", "view"), ("cli-3", "view")]
    again = apitoken("alice", "--name", "cli")
    assert again.code == 1 and again.out == ""
    assert "has a token of this name" in again.err


def test_the_audit_says_who_made_and_revoked_it_and_has_no_secret(vera: User) -> None:
    secret = apitoken("vera", "--name", "ci", "--expires", "7").out.strip()
    assert apitoken("vera", "--revoke", "ci").code == 0
    assert tokens.find(secret) is None
    revoked, made = LogEntry.objects.order_by("-id")
    assert made.get_change_message().startswith("Made by ")
    assert "@terminal: scope view, until 20" in made.get_change_message()
    assert revoked.get_change_message().endswith("@terminal.")
    assert made.object_repr == revoked.object_repr == "ci of vera"
    texts = [str(vars(entry)) for entry in (made, revoked)]
    assert not any(secret[8:] in text for text in texts)
    # Once more is no mistake, and no second line.
    assert apitoken("vera", "--revoke", "ci").code == 0
    assert LogEntry.objects.count() == 2


def test_an_unknown_person_or_token_is_refused_with_what_was_meant(bob: User) -> None:
    answer = apitoken("bop")
    assert answer.code == 1 and answer.out == ""
    assert answer.err == "There is no user 'bop'. Did you mean 'bob'?\n"
    apitoken("bob", "--name", "deploy")
    answer = apitoken("bob", "--revoke", "deplyo")
    assert answer.code == 1 and "Did you mean 'deploy'?" in answer.err


@pytest.mark.parametrize(
    ("person", "scope", "told"),
    [
        ("bob", "configure", "bob has no right to configure"),
        ("vera", "operate", "can do no more than view until that changes"),
        ("nobody", "view", "nobody may not look at agents"),
        ("gone", "view", "gone is disabled"),
        ("bob", "operate", ""),
    ],
)
def test_who_gets_less_than_the_scope_says_is_told(
    bob: User, vera: User, person: str, scope: str, told: str
) -> None:
    User.objects.create_user("nobody")
    User.objects.create_user("gone", is_active=False)
    answer = apitoken(person, "--scope", scope)
    assert answer.code == 0 and answer.out.startswith("ahp_")
    assert ("Note: " in answer.err) == bool(told) and told in answer.err


def test_a_program_gets_the_token_in_its_shape_and_lists_have_none(bob: User) -> None:
    made = apitoken("bob", "--name", "ci", "--json").json
    assert made.pop("token").startswith(made["hint"])
    listed = apitoken("--list", "--json").json
    assert listed == [made]
    assert made["state"] == "valid" and made["last_used_at"] is None
    assert made.keys() == {
        *("user", "name", "scope", "state", "hint", "created_at", "created_by"),
        *("last_used_at", "expires_at", "revoked_at"),
    }
    assert apitoken("--list", "bob", "--json").json == [made]


def test_a_list_says_in_words_which_tokens_still_let_somebody_in(
    bob: User, vera: User
) -> None:
    for name in ("one", "two", "three"):
        apitoken("bob", "--name", name)
    apitoken("bob", "--revoke", "two")
    past = timezone.now() - timedelta(seconds=1)
    ApiToken.objects.filter(name="three").update(expires_at=past)
    lines = apitoken("--list", "bob").out.splitlines()
    assert [line.split()[1:4:2] for line in lines[1:]] == [
        ["three", "expired"],
        ["one", "valid"],
        ["two", "revoked"],
    ]
    assert "There are no tokens" in apitoken("--list", "vera").err


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2199-01-31", datetime(2199, 2, 1, tzinfo=UTC)),
        ("2199-01-31T12:00", datetime(2199, 1, 31, 12, tzinfo=UTC)),
        ("2199-01-31T12:00+02:00", datetime(2199, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_date_or_a_moment(bob: User, text: str, moment: datetime) -> None:
    assert apitoken("bob", "--expires", text).code == 0
    assert ApiToken.objects.get().expires_at == moment


def test_an_end_in_days_is_counted_from_now(bob: User) -> None:
    begun = timezone.now()
    assert apitoken("bob", "--expires", "30").code == 0
    end = ApiToken.objects.get().expires_at
    assert end is not None
    assert begun <= end - timedelta(days=30) <= timezone.now()


def test_an_end_that_is_past_is_refused(bob: User) -> None:
    answer = apitoken("bob", "--expires", "2001-01-31")
    assert answer.code == 1 and answer.out == ""
    assert "would let nobody in" in answer.err


def test_at_a_terminal_misuse_is_told_and_the_token_works(hub: HubProcess) -> None:
    for line in (
        [],
        ["admin", "--scope", "everything"],
        ["admin", "--expires", "soon"],
        ["admin", "--list", "--name", "x"],
        ["admin", "--list", "--revoke", "x"],
        ["--revoke", "x"],
    ):
        done = hub.manage("apitoken", *line)
        assert (done.returncode, done.stdout) == (2, ""), line
    done = hub.manage("apitoken", "admin", "--scope", "configure")
    assert done.returncode == 0, done.stderr
    asked = (
        f'curl -s -H "Authorization: Bearer {done.stdout.strip()}" '
        f"{hub.url}/api/v1/openapi.json"
    )
    assert json.loads(hub.run(asked).stdout)["info"]["title"] == "AgentHub"

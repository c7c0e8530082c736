"""A person's tokens: made up to their own rights, shown once, listed and revoked."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import ApiToken
from agents.services import token_list, tokens
from tests.harness.hardship import little_patience, locked_database
from tests.harness.people import make_person
from tests.pages.conftest import signed_in

pytestmark = pytest.mark.django_db

PAGE = "/tokens/"
SECRET = re.compile(r'id="secret"[^>]*>(ahp_[\w-]{43})<')


def make(client: Client, **values: str) -> Any:
    given = {"name": "ci", "scope": "view", "expires": "90"}
    return client.post(PAGE, {**given, **values})


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def secret_of(response: Any) -> str:
    assert response.status_code == 200
    found = SECRET.search(response.content.decode())
    assert found is not None, "a new token is on the page"
    return found[1]


def test_others_than_who_may_look_do_not_get_to_it(client: Client) -> None:
    assert reverse("tokens") == PAGE
    nobody = signed_in(make_person("nobody"))
    for method in ("get", "post"):
        assert getattr(client, method)(PAGE).status_code == 302
        assert getattr(nobody, method)(PAGE).status_code == 403
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("name", "most"), [("vera", "view"), ("bob", "operate"), ("alice", "configure")]
)
def test_a_person_makes_tokens_up_to_what_they_may_themselves(
    request: pytest.FixtureRequest, name: str, most: str
) -> None:
    person: User = request.getfixturevalue(name)
    client = signed_in(person)
    scopes = ["view", "operate", "configure"]
    allowed = scopes[: scopes.index(most) + 1]
    page = text(client.get(PAGE))
    assert re.findall(r'name="scope" value="(\w+)"', page) == allowed
    for scope in scopes:
        response = make(client, name=scope, scope=scope)
        if scope in allowed:
            caller = tokens.find(secret_of(response))
            assert caller is not None and caller.actor == name
            assert caller.permissions <= tokens.of_user(person).permissions
        else:
            assert response.status_code == 422
            assert "no token of yours can" in text(response)
    made = ApiToken.objects.order_by("pk")
    assert [(one.scope, one.created_by) for one in made] == [
        (scope, name) for scope in allowed
    ]


def test_it_is_shown_once_with_a_line_that_can_be_run(as_bob: Client) -> None:
    response = make(as_bob)
    secret = secret_of(response)
    (line,) = re.findall(r'id="command"[^>]*>([^<]+)<', response.content.decode())
    command, *words = shlex.split(line.replace("&#x27;", "'"))
    bearer = f"Authorization: Bearer {secret}"
    assert command == "curl"
    assert words == ["-H", bearer, "http://testserver/api/v1/agents"]
    answer = Client().get(words[-1], headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    again = as_bob.get(PAGE)
    assert secret not in text(again) and secret[:8] in text(again)
    for kept in (response, again):
        assert "no-store" in kept["Cache-Control"]


def test_the_secret_is_in_no_row_that_making_it_has_left(as_bob: Client) -> None:
    secret = secret_of(make(as_bob))
    token, entry = ApiToken.objects.get(), LogEntry.objects.get()
    session = Session.objects.get()
    told = f"{vars(token)} {vars(entry)} {session.get_decoded()}"
    assert secret not in told
    assert entry.get_change_message().startswith("Made by bob: scope view, until ")


@pytest.mark.parametrize(
    ("chosen", "days"), [("7", 7), ("30", 30), ("90", 90), ("365", 365)]
)
def test_it_ends_when_it_was_said_to(as_bob: Client, chosen: str, days: int) -> None:
    begun = timezone.now()
    secret_of(make(as_bob, expires=chosen))
    end = ApiToken.objects.get().expires_at
    assert end is not None
    life = timedelta(days=days)
    assert begun + life <= end <= timezone.now() + life


def test_it_never_ends_only_if_that_was_chosen(as_bob: Client) -> None:
    page = text(as_bob.get(PAGE))
    assert '<option value="90" selected>in 90 days</option>' in page
    secret_of(make(as_bob, expires="never"))
    assert ApiToken.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "Say what will use it."),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "a\tb"}, "no control characters"),
        ({"name": "taken"}, "You have a token of this name."),
        ({"scope": ""}, "Choose what it may do."),
        ({"scope": "root"}, "no token of yours can"),
        ({"expires": "12345"}, "not one of the available choices"),
        ({"expires": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(
    bob: User, as_bob: Client, wrong: dict[str, str], said: str
) -> None:
    tokens.issue(bob, name="taken", scope="view", by=bob)
    response = make(as_bob, **wrong)
    assert response.status_code == 422
    error = re.search(r'class="field-error".*?</svg>(.*?)</p>', text(response))
    assert error is not None and said in error[1]
    assert ApiToken.objects.count() == 1


def test_what_was_typed_is_still_there_where_something_is_wrong(
    bob: User, as_bob: Client
) -> None:
    tokens.issue(bob, name="taken", scope="view", by=bob)
    page = text(make(as_bob, name="taken", scope="operate", expires="7"))
    assert 'value="taken" aria-invalid="true"' in page
    assert 'value="operate" required checked' in page
    assert 'value="7" selected' in page


def test_the_list_says_how_each_stands_and_who_made_it(
    vera: User, as_vera: Client
) -> None:
    tokens.issue(vera, name="mine", scope="view", by=vera)
    tokens.issue(vera, name="given", scope="view", by="root@terminal")
    old = tokens.issue(vera, name="old", scope="view", by=vera).token
    late = tokens.issue(vera, name="late", scope="view", by=vera).token
    past = timezone.now() - timedelta(days=1)
    ApiToken.objects.filter(pk=late.pk).update(expires_at=past, last_used_at=past)
    tokens.revoke(old, by=vera)
    rows = token_list.rows_of(vera)
    assert [(row.name, row.state, row.by) for row in rows] == [
        ("late", "Expired", ""),
        ("given", "Valid", "root@terminal"),
        ("mine", "Valid", ""),
        ("old", "Revoked", ""),
    ]
    page = text(as_vera.get(PAGE))
    # An expired one still has its name; so it can be revoked, and the name be free.
    assert page.count(">Revoke…<") == 3
    for tone, icon, word in token_list.LOOKS.values():
        shown = f'data-status="{tone}"><svg class="icon" aria-hidden="true">'
        shown += f'<use href="#i-{icon}"></use></svg>{word}<'
        assert (shown in page) == (word != "Person disabled")


def test_nobody_sees_or_ends_the_token_of_another(
    alice: User, vera: User, as_vera: Client
) -> None:
    others = tokens.issue(alice, name="of-alice", scope="configure", by=alice).token
    assert "of-alice" not in text(as_vera.get(PAGE))
    address = reverse("token-revoke", args=[others.pk])
    assert as_vera.post(address, {"confirmed": "yes"}).status_code == 404
    others.refresh_from_db()
    assert others.revoked_at is None


def test_it_is_revoked_after_a_question_and_lets_nobody_in(
    vera: User, as_vera: Client
) -> None:
    issued = tokens.issue(vera, name="ci", scope="view", by=vera)
    address = reverse("token-revoke", args=[issued.token.pk])
    assert as_vera.get(address).status_code == 405
    asked = as_vera.post(address)
    assert "Revoke ci?" in text(asked) and tokens.find(issued.secret) is not None
    by_htmx = as_vera.post(address, headers={"HX-Request": "true"})
    assert by_htmx["HX-Retarget"] == "#dialog-body"
    assert "<html" not in text(by_htmx)
    page = text(as_vera.post(address, {"confirmed": "yes"}, follow=True))
    assert "ci lets nobody in any more." in page
    assert tokens.find(issued.secret) is None
    again = text(as_vera.post(address, {"confirmed": "yes"}, follow=True))
    assert "ci was revoked already." in again
    assert [one.get_change_message() for one in LogEntry.objects.all()] == [
        "Revoked by vera.",
        "Made by vera: scope view, for ever.",
    ]


def test_a_form_from_elsewhere_makes_and_ends_nothing(vera: User) -> None:
    token = tokens.issue(vera, name="ci", scope="view", by=vera).token
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(vera)
    assert make(careful, name="forged").status_code == 403
    address = reverse("token-revoke", args=[token.pk])
    assert careful.post(address, {"confirmed": "yes"}).status_code == 403
    assert ApiToken.objects.get().revoked_at is None


def test_names_are_shown_as_text(as_vera: Client) -> None:
    assert "&lt;b&gt;x&lt;/b&gt; is made" in text(make(as_vera, name="<b>x</b>"))


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_locked_nothing_is_made_and_the_page_says_so(
    bob: User,
) -> None:
    client = signed_in(bob)
    with little_patience(), locked_database(1.5):
        response = make(client)
    assert response.status_code == 503
    assert "The database does not answer" in text(response)
    assert SECRET.search(text(response)) is None
    assert not ApiToken.objects.exists()

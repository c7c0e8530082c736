"""Everybody's tokens in the admin: read by some, ended by some, changed by nobody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.models import ApiToken
from agents.services import tokens
from agents.services.tokens import Issued
from tests.admin.conftest import SignIn
from tests.admin.pages import decoded, messages_of, text_of
from tests.harness.people import make_person

LIST = "/admin/agents/apitoken/"
REVOKE = f"{LIST}revoke/"


@pytest.fixture
def issued(vera: User) -> Issued:
    return tokens.issue(vera, name="ci", scope="view", by=vera)


@pytest.fixture
def keeper(db: None) -> User:
    """May end everybody's tokens."""
    return make_person("keeper", "revoke_apitoken")


@pytest.fixture
def reader(db: None) -> User:
    """May look at everybody's tokens."""
    return make_person("reader", "view_apitoken")


def page_of(issued: Issued) -> str:
    return f"{LIST}{issued.token.pk}/change/"


def revoke(client: Client, *issued: Issued, **more: str) -> Any:
    ids = [str(one.token.pk) for one in issued]
    return client.post(REVOKE, {"tokens": ids, **more}, follow=True)


def test_who_may_look_sees_all_but_the_secret(
    reader: User, issued: Issued, sign_in: SignIn
) -> None:
    client = sign_in(reader)
    for page in (text_of(client.get(LIST)), text_of(client.get(page_of(issued)))):
        for shown in ("ci", "vera", issued.token.hint, "Valid"):
            assert shown in page
        for hidden in (issued.secret, issued.token.hash, "Revoke…"):
            assert hidden not in page


@pytest.mark.parametrize("name", ["alice", "bob", "vera"])
def test_the_cast_sees_none_of_it(
    request: pytest.FixtureRequest, name: str, issued: Issued, sign_in: SignIn
) -> None:
    client = sign_in(request.getfixturevalue(name))
    assert client.get(LIST).status_code == 403
    assert client.get(page_of(issued)).status_code == 403
    assert revoke(client, issued, post="yes").status_code == 403
    assert tokens.find(issued.secret) is not None


def test_nobody_adds_changes_or_deletes_one(
    root: User, issued: Issued, sign_in: SignIn
) -> None:
    client = sign_in(root)
    page = text_of(client.get(page_of(issued)))
    assert 'name="_save"' not in page and "deletelink" not in page
    for address in (f"{LIST}add/", page_of(issued), f"{LIST}{issued.token.pk}/delete/"):
        response = client.post(address, {"post": "yes", "scope": "configure"})
        assert response.status_code == 403, address
    assert ApiToken.objects.get().scope == "view"


def test_who_may_revoke_ends_them_after_a_question(
    keeper: User, vera: User, issued: Issued, sign_in: SignIn
) -> None:
    other = tokens.issue(vera, name="other", scope="view", by=vera)
    client = sign_in(keeper)
    chosen = [str(one.token.pk) for one in (issued, other)]
    bulk = {"action": "revoke", "_selected_action": chosen, "index": "0"}
    asked = client.post(LIST, bulk)
    assert "Revoke 2 tokens" in text_of(asked)
    assert tokens.find(issued.secret) is not None
    assert messages_of(revoke(client, issued, other, post="yes")) == [
        "2 tokens revoked."
    ]
    assert tokens.find(issued.secret) is None and tokens.find(other.secret) is None
    entry = LogEntry.objects.order_by("-pk")[0]
    assert (entry.user, entry.get_change_message()) == (keeper, "Revoked by keeper.")
    assert messages_of(revoke(client, issued, post="yes")) == [
        "0 tokens revoked, 1 already so."
    ]


def test_the_button_of_a_token_asks_first_and_is_gone_afterwards(
    keeper: User, issued: Issued, sign_in: SignIn
) -> None:
    client = sign_in(keeper)
    assert "Revoke…" in text_of(client.get(page_of(issued)))
    assert "Revoke 1 token" in text_of(revoke(client, issued))
    assert tokens.find(issued.secret) is not None
    revoke(client, issued, post="yes")
    page = text_of(client.get(page_of(issued)))
    assert "Revoke…" not in page and "Revoked" in page


def test_looking_is_not_revoking(reader: User, issued: Issued, sign_in: SignIn) -> None:
    client = sign_in(reader)
    assert revoke(client, issued, post="yes").status_code == 403
    bulk = {"action": "revoke", "_selected_action": [str(issued.token.pk)]}
    client.post(LIST, {**bulk, "index": "0"})
    assert tokens.find(issued.secret) is not None


def test_the_list_is_filtered_by_how_a_token_stands(
    keeper: User, vera: User, issued: Issued, sign_in: SignIn
) -> None:
    gone = tokens.issue(vera, name="gone", scope="view", by=vera).token
    tokens.revoke(gone, by=vera)
    late = tokens.issue(vera, name="late", scope="view", by=vera).token
    ApiToken.objects.filter(pk=late.pk).update(expires_at=timezone.now())
    client = sign_in(keeper)
    for state, name in (("valid", "ci"), ("expired", "late"), ("revoked", "gone")):
        page = text_of(client.get(f"{LIST}?state={state}"))
        assert re.findall(r'/change/[^"]*">(\w+)</a></th>', page) == [name]


@pytest.mark.parametrize("wrong", ["", "x", "9" * 30, "-1", "999"])
def test_what_is_no_token_is_left_out(
    keeper: User, issued: Issued, sign_in: SignIn, wrong: str
) -> None:
    client = sign_in(keeper)
    response = client.post(REVOKE, {"tokens": [wrong], "post": "yes"}, follow=True)
    assert messages_of(response) == ["0 tokens revoked."]
    assert "Traceback" not in decoded(response)
    assert client.get(REVOKE).status_code == 302

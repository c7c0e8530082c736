"""Providers in the admin: who may set what, keys that never come back, and tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from agents.models import Agent, Node, Provider
from agents.services import keys, provider_checks, providers
from agents.services.provider_checks import Checked
from tests.admin.conftest import SignIn
from tests.admin.pages import decoded, errors_of, messages_of, text_of

LIST = "/admin/agents/provider/"
ADD = f"{LIST}add/"
KEY = "sk-never-seen-again-0123456789"


@pytest.fixture(autouse=True)
def nothing_is_set_up(db: None, settings: Settings) -> None:
    Provider.objects.all().delete()
    settings.AGENTHUB_PROVIDER_KEYS = {}
    settings.AGENTHUB_PROVIDER_URLS = {}


@pytest.fixture
def claude() -> Provider:
    provider = Provider(name="claude", kind="anthropic")
    providers.save(provider, KEY)
    return provider


def page_of(provider: Provider) -> str:
    return f"{LIST}{provider.pk}/change/"


def check_of(provider: Provider) -> str:
    return f"{LIST}{provider.pk}/check/"


def post(client: Client, address: str, **values: str) -> Any:
    given = {
        "name": "gpt",
        "kind": "openai",
        "base_url": "",
        "default_model": "",
        "max_concurrent": "",
        "key": "",
    }
    return client.post(address, given | values, follow=True)


def asked_by(provider: Provider) -> Agent:
    return Agent.objects.create(
        name="writer", kind="native_llm", provider=provider.name
    )


# Who may


def test_who_defines_commands_adds_changes_and_deletes_and_it_is_in_the_log(
    alice: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    post(client, ADD, key=KEY, base_url="http://127.0.0.1:9/v1", max_concurrent="3")
    one = Provider.objects.get()
    assert (one.name, one.kind, one.max_concurrent) == ("gpt", "openai", 3)
    assert one.base_url == "http://127.0.0.1:9/v1"
    assert keys.opened(one.sealed_key) == KEY
    post(client, page_of(one), base_url="http://127.0.0.1:8/v1", default_model="m-1")
    one.refresh_from_db()
    assert (one.base_url, one.default_model) == ("http://127.0.0.1:8/v1", "m-1")
    post(client, f"{LIST}{one.pk}/delete/", post="yes")
    assert not Provider.objects.exists()
    entries = LogEntry.objects.order_by("pk")
    assert [entry.action_flag for entry in entries] == [ADDITION, CHANGE, DELETION]


def test_who_configures_sets_keys_and_defaults_and_no_address(
    carol: User, claude: Provider, sign_in: SignIn
) -> None:
    client = sign_in(carol)
    page = text_of(client.get(page_of(claude)))
    assert 'name="key"' in page and 'name="base_url"' not in page
    forged = {"base_url": "http://evil.example", "kind": "openai", "name": "other"}
    post(client, page_of(claude), key="sk-new", max_concurrent="2", **forged)
    claude.refresh_from_db()
    assert (claude.name, claude.kind, claude.base_url) == ("claude", "anthropic", "")
    assert keys.opened(claude.sealed_key) == "sk-new"
    assert claude.max_concurrent == 2
    post(client, ADD, base_url="http://evil.example")
    assert Provider.objects.get(name="gpt").base_url == ""


def test_who_may_set_no_address_is_told_so_where_one_is_needed(
    carol: User, sign_in: SignIn
) -> None:
    response = post(sign_in(carol), ADD, kind="compatible")
    assert "Base URL: Give the server" in errors_of(response)["__all__"][0]
    assert "needs the permission to set commands" in text_of(response)
    assert not Provider.objects.exists()


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_operates_or_looks_reads_and_writes_nothing(
    request: pytest.FixtureRequest, name: str, claude: Provider, sign_in: SignIn
) -> None:
    client = sign_in(request.getfixturevalue(name))
    assert "claude" in text_of(client.get(LIST))
    page = text_of(client.get(page_of(claude)))
    assert "Set here" in page and "Test connection" not in page
    assert 'name="key"' not in page and 'name="base_url"' not in page
    for address in (ADD, page_of(claude), f"{LIST}{claude.pk}/delete/"):
        assert post(client, address, post="yes", key="sk-forged").status_code == 403
    assert client.post(check_of(claude)).status_code == 403
    action = {"action": "delete_selected", "_selected_action": str(claude.pk)}
    client.post(LIST, {**action, "post": "yes"})
    claude.refresh_from_db()
    assert keys.opened(claude.sealed_key) == KEY and claude.check_asked_at is None


def test_who_may_not_look_sees_nothing(claude: Provider, sign_in: SignIn) -> None:
    stranger = User.objects.create_user("sam", is_staff=True)
    client = sign_in(stranger)
    for address in (LIST, page_of(claude), check_of(claude)):
        assert client.get(address).status_code == 403
    assert client.post(check_of(claude)).status_code == 403


# Keys


def test_a_key_is_in_no_page_and_in_no_log(
    alice: User, root: User, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    responses = [post(client, ADD, key=KEY)]
    one = Provider.objects.get()
    responses += [
        post(client, page_of(one), key=f"{KEY}-2"),
        # Refused for another field, and for the key itself: neither repeats it.
        post(client, page_of(one), key=KEY, max_concurrent="0"),
        post(client, page_of(one), key=f"{KEY} x"),
        client.get(page_of(one)),
        client.get(LIST),
        client.get(f"{LIST}{one.pk}/history/"),
        sign_in(root).get("/admin/admin/logentry/"),
    ]
    for response in responses:
        assert response.status_code == 200 and KEY not in decoded(response)
    assert KEY not in str(list(LogEntry.objects.values()))
    entry = LogEntry.objects.filter(action_flag=CHANGE).latest("pk")
    assert entry.get_change_message() == "Changed New key."


def test_a_key_of_another_secret_key_is_shown_to_be_of_no_use(
    vera: User, claude: Provider, sign_in: SignIn, settings: Settings
) -> None:
    client = sign_in(vera)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # She stays signed in.
    settings.SECRET_KEY = "another"
    assert "Unreadable: set it again" in text_of(client.get(page_of(claude)))


def test_a_list_cannot_be_filtered_by_what_is_sealed(
    vera: User, claude: Provider, sign_in: SignIn
) -> None:
    answer = sign_in(vera).get(f"{LIST}?sealed_key__startswith=g")
    assert answer.status_code == 400


def test_an_empty_key_leaves_it_and_a_tick_removes_it(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    post(client, page_of(claude), default_model="m-1")
    claude.refresh_from_db()
    assert keys.opened(claude.sealed_key) == KEY
    both = post(client, page_of(claude), key="sk-new", remove_key="on")
    assert "remove the old one" in errors_of(both)["remove_key"][0]
    post(client, page_of(claude), remove_key="on")
    claude.refresh_from_db()
    assert claude.sealed_key == ""
    assert 'name="remove_key"' not in text_of(client.get(page_of(claude)))


def test_where_the_key_is_from_is_shown(
    vera: User, claude: Provider, sign_in: SignIn, settings: Settings
) -> None:
    client = sign_in(vera)
    assert "Set here" in text_of(client.get(LIST))
    providers.save(claude, "")
    assert "None" in text_of(client.get(LIST))
    settings.AGENTHUB_PROVIDER_KEYS = {"anthropic": KEY}
    settings.AGENTHUB_PROVIDER_URLS = {"anthropic": "http://127.0.0.1:9"}
    for address in (LIST, page_of(claude)):
        page = text_of(client.get(address))
        assert "From ANTHROPIC_API_KEY" in page and KEY not in page
    assert "from ANTHROPIC_BASE_URL" in text_of(client.get(LIST))


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("key", {"key": "two words"}, "copy it again"),
        ("key", {"kind": "demo", "key": "sk-1"}, "The demo needs no key"),
        ("base_url", {"base_url": "host:80"}, "must begin with http"),
        ("base_url", {"base_url": "http://u:p@host"}, "must not hold a password"),
        ("base_url", {"kind": "compatible"}, "Give the server"),
        ("max_concurrent", {"max_concurrent": "0"}, "Give 1 or more"),
        ("name", {"name": "a b"}, "A name has 1 to 63"),
        ("name", {"name": "claude"}, "already exists"),
        ("kind", {"kind": "oracle"}, "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    alice: User,
    claude: Provider,
    sign_in: SignIn,
    field: str,
    values: dict[str, str],
    message: str,
) -> None:
    errors = errors_of(post(sign_in(alice), ADD, **values))
    assert message in " ".join(errors[field])
    assert Provider.objects.count() == 1


# Deleting


def test_one_that_agents_ask_is_not_deleted_and_they_are_named(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    asked_by(claude)
    client = sign_in(alice)
    refused = post(client, f"{LIST}{claude.pk}/delete/", post="yes")
    assert "writer" in text_of(refused)
    action = {"action": "delete_selected", "_selected_action": str(claude.pk)}
    assert "writer" in text_of(client.post(LIST, {**action, "post": "yes"}))
    assert Provider.objects.exists()
    assert "writer" in text_of(client.get(page_of(claude)))
    Agent.objects.all().delete()
    client.post(LIST, {**action, "post": "yes"})
    assert not Provider.objects.exists()


def test_an_agent_that_came_in_the_last_moment_keeps_it(
    alice: User, claude: Provider, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by(claude)
    client = sign_in(alice)
    monkeypatch.setattr("agents.admin.providers._users", lambda provider: [])
    response = post(client, f"{LIST}{claude.pk}/delete/", post="yes")
    assert "Not deleted: claude is asked by writer" in messages_of(response)[0]
    assert Provider.objects.exists() and not LogEntry.objects.exists()


# Tests of the connection


def test_a_test_is_asked_for_and_the_page_follows_it_to_its_end(
    alice: User, claude: Provider, sign_in: SignIn, supervised: Node
) -> None:
    client = sign_in(alice)
    assert "not tested" in text_of(client.get(page_of(claude)))
    page = client.post(check_of(claude), follow=True)
    assert "Checking…" in text_of(page)
    assert f'hx-get="{check_of(claude)}"' in text_of(page)
    assert "Checking…" in text_of(client.get(check_of(claude)))
    (asked,) = provider_checks.asked()
    provider_checks.save("claude", Checked(True, "It answers.", ("m-1",)), asked.at)
    end = text_of(client.get(check_of(claude)))
    assert "Answers" in end and "It answers." in end and "m-1" in end
    assert "hx-get" not in end, "nothing is asked any more"
    assert (
        LogEntry.objects.get().change_message == "Asked for a test of the connection."
    )
    assert "Answers" in text_of(client.get(LIST))


def test_a_test_asked_for_twice_is_one(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    for _ in range(2):
        client.post(check_of(claude))
    assert LogEntry.objects.count() == len(provider_checks.asked()) == 1


def test_without_a_hub_it_is_said_that_the_test_waits_for_one(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    page = text_of(sign_in(alice).post(check_of(claude), follow=True))
    assert "Waits for a hub" in page and "provider claude --test" in page


def test_what_failed_is_told_in_words_and_marks_up_nothing(
    vera: User, claude: Provider, sign_in: SignIn
) -> None:
    provider_checks.save("claude", Checked(False, "The key <b>was</b> refused."), None)
    page = text_of(sign_in(vera).get(page_of(claude)))
    assert "Fails" in page and "&lt;b&gt;was&lt;/b&gt; refused." in page


def test_a_test_of_what_is_gone_is_a_404(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    claude.delete()
    assert client.get(f"{LIST}999/check/").status_code == 404
    assert client.post(f"{LIST}999/check/").status_code == 404


def test_known_models_are_suggested_as_the_default(
    alice: User, claude: Provider, sign_in: SignIn
) -> None:
    provider_checks.save("claude", Checked(True, "fine", ("m-1", "m-2")), None)
    page = text_of(sign_in(alice).get(page_of(claude)))
    assert '<datalist id="list_default_model"><option value="m-1">' in page

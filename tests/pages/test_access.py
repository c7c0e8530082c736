"""Who may open which page, and who may ask for what."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Request
from tests.harness.engine import Engine, asked, thinker
from tests.harness.people import PASSWORD, make_person
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, signed_in

ACTIONS = ("start", "stop", "restart", "kill")


@pytest.fixture
def web(make_agent: MakeAgent) -> Agent:
    return make_agent("web")


def addresses(agent: Agent) -> list[str]:
    run = run_of(agent)
    task = asked(thinker())
    Engine.at_work(task)
    return [
        reverse("overview"),
        reverse("agents"),
        reverse("usage"),
        reverse("agent", args=[agent.name]),
        reverse("agent", args=["thinker"]),
        reverse("tasks"),
        reverse("task", args=[task.pk]),
        reverse("task-step", args=[task.pk, 1]),
        reverse("agent-search", args=[agent.name]) + "?q=x",
        reverse("agent-download", args=[agent.name, run.number, "out"]),
    ]


def test_a_stranger_is_sent_to_the_sign_in_page(web: Agent, client: Client) -> None:
    for address in addresses(web):
        response = client.get(address)
        assert response.status_code == 302, address
        where = urlsplit(response["Location"])
        assert where.path == reverse("sign-in")
        assert parse_qs(where.query)["next"] == [address]


def test_a_person_without_view_is_refused_every_page(web: Agent) -> None:
    nobody = signed_in(make_person("nobody"))
    for address in addresses(web):
        assert nobody.get(address).status_code == 403, address


def test_a_viewer_opens_every_page(web: Agent, as_vera: Client) -> None:
    # The download is a stream for the server's own loop: test_output reads it.
    for address in addresses(web)[:-1]:
        assert as_vera.get(address).status_code == 200, address


@pytest.mark.parametrize("action", ACTIONS)
def test_a_viewer_cannot_ask_anything(web: Agent, as_vera: Client, action: str) -> None:
    one = as_vera.post(reverse("agent-action", args=["web", action]))
    many = as_vera.post(
        reverse("agents-batch"),
        {"action": action, "names": ["web"], "confirmed": "yes"},
    )
    assert (one.status_code, many.status_code) == (403, 403)
    assert not Request.objects.exists()


def test_a_viewer_is_told_so_where_the_page_asks_by_htmx(
    web: Agent, as_vera: Client
) -> None:
    response = as_vera.post(
        reverse("agent-action", args=["web", "start"]), headers={"HX-Request": "true"}
    )
    assert response.status_code == 403
    assert response["HX-Retarget"] == "#flash"
    assert 'role="alert"' in response.content.decode()
    assert not Request.objects.exists()


def test_who_may_operate_but_not_look_is_refused(web: Agent) -> None:
    blind = signed_in(make_person("blind", "operate_agent"))
    response = blind.post(reverse("agent-action", args=["web", "start"]))
    assert response.status_code == 403
    assert not Request.objects.exists()


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_asked_by_a_get(web: Agent, as_bob: Client, action: str) -> None:
    assert as_bob.get(f"/agents/web/{action}").status_code == 405
    assert as_bob.get(reverse("agents-batch")).status_code == 405
    assert not Request.objects.exists()


def test_a_form_from_elsewhere_is_refused(web: Agent, bob: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(bob)
    response = careful.post(reverse("agent-action", args=["web", "start"]))
    assert response.status_code == 403
    assert "Please try again" in response.content.decode()
    assert not Request.objects.exists()


def test_a_stranger_asking_by_htmx_gets_a_whole_sign_in_page(
    web: Agent, client: Client
) -> None:
    response = client.post(
        reverse("agent-action", args=["web", "start"]), headers={"HX-Request": "true"}
    )
    assert response["HX-Redirect"] == reverse("sign-in")
    assert not Request.objects.exists()


def test_only_who_may_operate_sees_buttons(
    web: Agent, as_bob: Client, as_vera: Client
) -> None:
    for address in (reverse("agents"), reverse("agent", args=["web"])):
        assert b'value="start"' in as_bob.get(address).content
        assert b'value="start"' not in as_vera.get(address).content


def test_only_who_may_configure_sees_the_way_to_the_set_up(
    web: Agent, as_alice: Client, as_bob: Client
) -> None:
    page = reverse("agent", args=["web"])
    way = reverse("admin:agents_agent_change", args=[web.pk]).encode()
    assert way in as_alice.get(page).content
    assert way not in as_bob.get(page).content


def test_signing_in_and_out(bob: User, client: Client) -> None:
    page = reverse("agents")
    signed = client.post(
        reverse("sign-in"),
        {"username": "bob", "password": PASSWORD, "next": page},
    )
    assert (signed.status_code, signed["Location"]) == (302, page)
    assert client.get(page).status_code == 200
    client.post(reverse("sign-out"))
    assert client.get(page).status_code == 302


def test_a_wrong_password_says_so(bob: User, client: Client) -> None:
    response = client.post(reverse("sign-in"), {"username": "bob", "password": "wrong"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()


def test_an_unknown_agent_is_not_found(as_bob: Client) -> None:
    assert as_bob.get(reverse("agent", args=["nobody"])).status_code == 404
    posted = as_bob.post(reverse("agent-action", args=["nobody", "start"]))
    assert posted.status_code == 404

"""The registry: who is there, what they are and can, and whether they live."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.live import rendering, subscription
from agents.live.demand import Demand
from agents.models import Agent, StatusChange
from agents.services import heartbeats
from agents.services.registry_list import RegistryQuery, registry_page
from tests.harness.outside import registered, silent_for
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent


@pytest.fixture
def fleet(bob: User, make_agent: MakeAgent) -> dict[str, Agent]:
    web = make_agent("web", role="server", labels={"team": "search"})
    run = run_of(web)
    heartbeats.take(web.pk, run.pk, timezone.now(), activity="working", note="<b>")
    make_agent("idle", capabilities=["review", "python"])
    registered("far", bob, role="server", capabilities=["review"])
    return {agent.name: agent for agent in Agent.objects.all()}


def found(**query: str) -> list[str]:
    return [row.name for row in registry_page(RegistryQuery.parse(query)).rows]


def names(text: str) -> list[str]:
    return re.findall(r'<tr id="agent-registry-\d+" data-name="([^"]+)"', text)


def test_every_agent_is_there_with_what_is_known_of_it(
    as_vera: Client, fleet: dict[str, Agent]
) -> None:
    text = as_vera.get(reverse("registry")).content.decode()
    assert names(text) == ["far", "idle", "web"]
    far, idle, web = text.split("<tr id=")[1:]
    assert "External" in far and "(registry)" in far and ">review<" in far
    assert 'data-activity="working"' in web and "&lt;b&gt;" in web and "heard" in web
    assert "heard" not in idle and "never started" in idle
    assert 'aria-current="page">Registry' in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"life": "alive"}, ["far", "web"]),
        ({"life": "down"}, ["idle"]),
        ({"life": "unknown"}, []),
        ({"life": "nonsense"}, ["far", "idle", "web"]),
        ({"kind": "external"}, ["far"]),
        ({"role": "server"}, ["far", "web"]),
        ({"capability": "review"}, ["far", "idle"]),
        ({"capability": "rev"}, []),
        ({"label": "team=search"}, ["web"]),
        ({"node": "local"}, ["idle", "web"]),
        ({"activity": "working"}, ["web"]),
        ({"activity": "working", "kind": "external"}, []),
        ({"q": "serv"}, ["far", "web"]),
        ({"q": "\0"}, ["far", "idle", "web"]),
    ],
)
def test_agents_are_found_by_what_they_are(
    fleet: dict[str, Agent], query: dict[str, str], names: list[str]
) -> None:
    assert found(**query) == names


def test_what_an_earlier_run_said_finds_nobody(fleet: dict[str, Agent]) -> None:
    Agent.objects.filter(name="web").update(status="stopped")
    assert found(activity="working") == []


def test_filters_offer_what_there_is_and_keep_what_was_asked(
    fleet: dict[str, Agent],
) -> None:
    page = registry_page(RegistryQuery.parse({"capability": "gone", "page": "x"}))
    filters = {one.name: one for one in page.filters}
    assert [value for value, _ in filters["capability"].options] == [
        "gone",
        "python",
        "review",
    ]
    assert filters["capability"].chosen == "gone"
    assert (page.found, page.total, page.query.narrowed) == (0, 3, True)
    assert page.query.address() == "?capability=gone"


def test_the_look_says_who_is_silent(as_vera: Client, bob: User) -> None:
    one = registered("far", bob)
    silent_for(one.run, 61)
    text = as_vera.get(reverse("registry")).content.decode()
    assert 'data-status="unknown"' in text and "no heartbeat for 1 min" in text


def test_a_row_that_changes_is_sent_to_the_pages_that_show_it(
    fleet: dict[str, Agent],
) -> None:
    said: dict[str, Any] = {"topics": ["registry"], "ids": [fleet["far"].pk]}
    wanted = subscription.parse_subscription(said)
    shows = Demand(operator=False, registry=wanted.registry, ids=wanted.ids)
    every = [agent.pk for agent in fleet.values()]
    assert list(rendering.registry([shows], every)) == [
        ("record", fleet["far"].pk, False)
    ]
    assert rendering.registry([Demand(operator=False, agents=True)], every) == {}


def test_who_may_operate_deregisters_one_on_its_page(
    as_bob: Client, as_vera: Client, fleet: dict[str, Agent]
) -> None:
    url = reverse("agent-deregister", args=["far"])
    page = reverse("agent", args=["far"])
    assert url in as_bob.get(page).content.decode()
    assert url not in as_vera.get(page).content.decode()
    assert as_vera.post(url).status_code == 403
    assert as_bob.get(url).status_code == 405
    told = as_bob.post(url, follow=True).content.decode()
    assert "what it held is free" in told and url not in told
    assert StatusChange.objects.first().actor == "bob"  # type: ignore[union-attr]
    assert "no live run" in as_bob.post(url, follow=True).content.decode()
    hubs = reverse("agent-deregister", args=["web"])
    assert "stop it instead" in as_bob.post(hubs, follow=True).content.decode()

"""The admin as a whole: its first page, what it lists, who comes in."""

from __future__ import annotations

import re

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.test import Client

from agents.admin.site import HubAdminSite
from agents.models import Node
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import LIST, text_of


def test_the_default_site_is_the_hubs_own() -> None:
    assert isinstance(admin.site._wrapped, HubAdminSite)  # type: ignore[attr-defined]


def test_the_first_page_lists_agents_first_and_no_queue(
    root: User, sign_in: SignIn
) -> None:
    page = text_of(sign_in(root).get("/admin/"))
    listed = re.findall(r'<tr class="model-(\w+)', page)
    assert listed == [
        *("agent", "provider", "schedule", "budget", "price"),
        *("request", "run", "statuschange", "usage", "node", "apitoken"),
        *("lockclaim", "barrier", "batch", "brake"),
        *("user", "group"),
        "logentry",
    ]
    assert "History" in page
    assert "Audit log" in page
    assert sign_in(root).get("/admin/django_q/task/").status_code == 404


def test_people_and_groups_are_djangos_own() -> None:
    assert type(admin.site._registry[User]) is UserAdmin
    assert type(admin.site._registry[Group]) is GroupAdmin


def test_the_first_page_counts_agents_by_status(
    vera: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    make_agent("one", status="crashed")
    make_agent("two", status="crashed")
    make_agent("three")
    page = text_of(sign_in(vera).get("/admin/"))
    assert re.search(r"<strong>3</strong>\s*agents", page)
    assert re.search(
        r'href="/admin/agents/agent/\?status__exact=crashed">.*?<strong>2</strong>',
        page,
        re.DOTALL,
    )
    assert "No supervisor" in page
    assert '<a href="/">Open the live pages</a>' in page


def test_the_first_page_says_that_a_supervisor_is_there(
    vera: User, supervised: Node, sign_in: SignIn
) -> None:
    assert "Supervisor present." in text_of(sign_in(vera).get("/admin/"))


def test_a_bar_leads_from_list_to_list_to_what_a_person_may_see(
    archivist: User, vera: User, sign_in: SignIn
) -> None:
    def bar(person: User) -> list[str]:
        page = text_of(sign_in(person).get(LIST))
        nav = re.search(r'<nav class="hub-nav".*?</nav>', page, re.DOTALL)
        assert nav is not None
        assert 'href="/admin/agents/agent/" aria-current="page"' in nav[0]
        return re.findall(r">(\w[^<]*)</a>", nav[0])

    assert bar(archivist) == [
        "Agents",
        "Providers",
        "Schedules",
        "Budgets",
        "Prices",
        "Requests",
        "Runs",
        "History",
        "Usage",
        "Nodes",
        "Locks",
        "Barriers",
        "Batches",
        "Brakes",
    ]
    assert bar(vera) == [
        "Agents",
        "Providers",
        "Schedules",
        "Budgets",
        "Prices",
        "Usage",
    ]


def test_who_may_not_look_at_agents_is_told_no_counts(
    make_agent: MakeAgent, sign_in: SignIn
) -> None:
    make_agent()
    stranger = User.objects.create_user("stranger", is_staff=True)
    assert "hub-fleet" not in text_of(sign_in(stranger).get("/admin/"))


def test_view_site_leads_to_the_live_pages(vera: User, sign_in: SignIn) -> None:
    assert '<a href="/">View site</a>' in text_of(sign_in(vera).get("/admin/"))


def test_who_is_not_signed_in_is_asked_to(db: None) -> None:
    response = Client().get(LIST)
    assert response.status_code == 302
    assert response["Location"] == f"/admin/login/?next={LIST}"


def test_who_is_no_staff_gets_a_403(db: None, sign_in: SignIn) -> None:
    client = sign_in(User.objects.create_user("outsider"))
    for address in ("/admin/", LIST, "/admin/password_change/"):
        assert client.get(address).status_code == 403
    # Leaving is allowed to everybody.
    assert client.post("/admin/logout/").status_code == 302


def test_every_page_has_the_policy_and_nothing_inline(
    root: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent()
    client = sign_in(root)
    pages = [
        client.get("/admin/"),
        client.get(LIST),
        client.get("/admin/agents/run/"),
        client.get(f"{LIST}add/"),
        client.get(f"{LIST}{agent.pk}/change/"),
        client.get(f"{LIST}{agent.pk}/delete/"),
        client.get("/admin/admin/logentry/"),
        client.get("/admin/auth/user/add/"),
        client.post(f"{LIST}ask/stop/", {"agents": str(agent.pk)}),
        Client().get("/admin/login/"),
    ]
    for response in pages:
        page = text_of(response)
        policy = response["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", page)

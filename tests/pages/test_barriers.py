"""The page of barriers: what it shows, and who makes, resets and deletes one."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from agents.live import meetings
from agents.live.demand import Demand
from agents.models import Agent, Barrier
from agents.services import barriers
from tests.pages.conftest import MakeAgent, make_agent, signed_in

__all__ = ["make_agent"]

NEW = {"name": "meet", "parties": "web, api", "timeout": "60", "on_failure": "break"}


@pytest.fixture
def fleet(make_agent: MakeAgent) -> dict[str, Agent]:
    return {name: make_agent(name) for name in ("web", "api")}


def test_who_is_here_and_who_is_missing_is_shown(
    fleet: dict[str, Agent], vera: User
) -> None:
    barriers.make("meet", ["web", "api"], by="alice")
    barriers.make("crowd", 9, by="alice")
    barriers.arrive("meet", fleet["web"].pk, None)
    page = signed_in(vera).get("/barriers/").content.decode()
    assert page.index('data-barrier="meet"') < page.index('data-barrier="crowd"')
    assert "1 of 2" in page and "Waiting" in page
    assert "9, nobody knows who" in page
    assert '<a href="/agents/api/">api</a>' in page and "Stopped" in page
    assert "Reset" not in page and "New barrier" not in page


def test_an_operator_makes_resets_and_deletes_one_and_it_is_in_the_audit(
    fleet: dict[str, Agent], bob: User
) -> None:
    client = signed_in(bob)
    assert client.post("/barriers/make", NEW).status_code == 302
    barrier = Barrier.objects.get()
    assert (barrier.members, barrier.timeout) == (["api", "web"], 60.0)
    barriers.arrive("meet", fleet["web"].pk, None)
    asked = client.post("/barriers/meet/reset")
    assert b"Reset meet?" in asked.content
    assert barriers.standing("meet").generation == 1
    said = {"confirmed": "yes", "reason": "wrong phase"}
    client.post("/barriers/meet/reset", said)
    assert barriers.standing("meet", 1).reason == "reset by bob: wrong phase"
    page = client.get("/barriers/").content.decode()
    assert "meet is at round 2." in page
    client.post("/barriers/meet/delete", {"confirmed": "yes"})
    assert not Barrier.objects.exists()
    told = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(told) == [
        "Made on the page.",
        "Reset on the page: wrong phase",
        "Deleted on the page.",
    ]


def test_one_at_which_somebody_waits_is_not_deleted(
    fleet: dict[str, Agent], bob: User
) -> None:
    barriers.make("meet", 2, by="alice")
    barriers.arrive("meet", fleet["web"].pk, None)
    client = signed_in(bob)
    client.post("/barriers/meet/delete", {"confirmed": "yes"})
    assert Barrier.objects.exists() and not LogEntry.objects.exists()
    assert "Reset it before" in client.get("/barriers/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"parties": "nobody"},
        {"parties": ""},
        {"parties": "0"},
        {"timeout": "soon"},
        {"timeout": "-1"},
        {"on_failure": "shrug"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    wrong: dict[str, str], fleet: dict[str, Agent], bob: User
) -> None:
    response = signed_in(bob).post("/barriers/make", NEW | {"name": "kept"} | wrong)
    assert response.status_code == 422
    assert b'role="alert"' in response.content
    assert (wrong.get("name") or "kept").encode() in response.content
    assert not Barrier.objects.exists()


def test_who_may_only_look_changes_nothing(
    fleet: dict[str, Agent], vera: User, alice: User
) -> None:
    barriers.make("meet", 2, by="alice")
    for path in ("make", "meet/reset", "meet/delete"):
        data = NEW | {"name": "new", "confirmed": "yes"}
        assert signed_in(vera).post(f"/barriers/{path}", data).status_code == 403
    assert Barrier.objects.get().generation == 1
    assert (
        signed_in(alice).post("/barriers/make", NEW | {"name": "new"}).status_code
        == 302
    )


def test_an_open_page_is_told_for_who_may_act_and_for_who_may_look(
    fleet: dict[str, Agent],
) -> None:
    barriers.make("meet", 2, by="alice")
    pages = [Demand(operator=one, barriers=True) for one in (True, False)]
    made = meetings.barriers(pages)
    assert "Reset" in made["barriers", 0, True]
    assert "Reset" not in made["barriers", 0, False]
    assert meetings.barriers([Demand(operator=True)]) == {}

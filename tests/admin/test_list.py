"""The list of agents: what it says, how it is searched and filtered, what it costs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from agents.models.choices import StatusChoice
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import LIST, text_of


def names(response: object) -> list[str]:
    return [agent.name for agent in response.context["cl"].result_list]  # type: ignore[attr-defined]


def test_the_list_says_how_an_agent_is(
    vera: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    make_running(
        "worker",
        pid=4242,
        status_since=timezone.now() - timedelta(minutes=5, seconds=2),
        status_reason="started by alice " + "x" * 100,
        restart_count=2,
        restarts_total=7,
        role="searches",
        labels={"team": "search"},
        cpu_percent=12.3,
        rss_bytes=50 * 1024 * 1024,
        revision=3,
        conditions=[{"type": "disk_full", "since": "", "reason": "/ is full"}],
    )
    page = text_of(sign_in(vera).get(LIST))
    for said in (
        "5 min 2 s",
        "started by alice",
        "2 / 7",
        "4242",
        "searches",
        "team=search",
        "12 %",
        "50 MB",
        "older set-up",
        "disk full",
    ):
        assert said in page, said


@pytest.mark.parametrize("status", StatusChoice.values)
def test_every_status_is_text_icon_and_colour(
    vera: User, make_agent: MakeAgent, sign_in: SignIn, status: str
) -> None:
    make_agent(status=status)
    page = text_of(sign_in(vera).get(LIST))
    badge = re.search(
        r'<span class="hub-badge hub-badge--(\w+)"><svg[^>]* aria-hidden="true">'
        r'<use href="#i-(\w+)"></use></svg>([^<]+)</span>',
        page,
    )
    assert badge is not None
    assert badge.groups() == (status, status, StatusChoice(status).label)
    assert f'<symbol id="i-{status}"' in page


def test_what_is_asked_and_not_settled_is_said(
    vera: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    make_running(generation=2, wanted_action="stop", wanted_by="bob")
    assert "stop asked by bob" in text_of(sign_in(vera).get(LIST))


def test_texts_of_programs_and_people_are_escaped(
    vera: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    evil = "<script>alert(1)</script>"
    agent = make_agent(
        role=evil, status_reason=evil, labels={"a": evil}, command=[evil]
    )
    client = sign_in(vera)
    for address in (LIST, f"{LIST}{agent.pk}/change/"):
        assert evil not in text_of(client.get(address))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=alpha", ["alpha"]),
        ("q=SEARCHES", ["alpha"]),
        ("q=team%3Dsearch", ["alpha"]),
        ("q=exited", ["beta"]),
        ("q=nothing-like-it", []),
        ("status__exact=crashed", ["beta"]),
        ("desired_state__exact=running", ["gamma"]),
        ("auto_restart__exact=always", ["gamma"]),
        ("kind__exact=process_wrapper", ["alpha", "beta", "gamma"]),
        ("label=team%3Dsearch", ["alpha"]),
        ("label=1%3D2", ["beta"]),
        ("label=no%3Dsuch", []),
        ("setup=older", ["gamma"]),
        ("o=2", ["beta", "gamma", "alpha"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(
    bob: User,
    make_agent: MakeAgent,
    make_running: MakeAgent,
    sign_in: SignIn,
    query: str,
    found: list[str],
) -> None:
    make_agent("alpha", role="searches", labels={"team": "search"})
    make_agent(
        "beta", status="crashed", status_reason="exited with 7", labels={"1": "2"}
    )
    make_running("gamma", auto_restart="always", revision=2, launch_revision=2)
    assert names(sign_in(bob).get(f"{LIST}?{query}")) == found


def test_the_filters_count(vera: User, make_agent: MakeAgent, sign_in: SignIn) -> None:
    for n in range(3):
        make_agent(f"worker-{n}", labels={"team": "search", "n": str(n)})
    make_agent("other", status="crashed")
    page = text_of(sign_in(vera).get(LIST))
    for said in ("Crashed (1)", "Stopped (3)", "team=search (3)", "n=1 (1)"):
        assert said in page
    narrowed = text_of(sign_in(vera).get(f"{LIST}?q=worker-1"))
    assert "team=search (1)" in narrowed


def test_the_list_costs_the_same_for_any_number_of_agents(
    alice: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(alice)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(LIST))
        return len(queries)

    make_running("first", labels={"team": "0"})
    cost()  # Content types and such are read once.
    few = cost()
    for n in range(99):
        make_running(f"worker-{n}", pid=n + 1, labels={"team": str(n), "a": "b"})
    assert Agent.objects.count() == 100
    assert cost() == few
    assert few <= 15


def test_who_may_not_look_sees_no_list(db: None, sign_in: SignIn) -> None:
    stranger = User.objects.create_user("stranger", is_staff=True)
    assert sign_in(stranger).get(LIST).status_code == 403


@pytest.mark.parametrize(
    "query", ["env__API_KEY__startswith=s", "env__icontains=s", "env__has_key=API_KEY"]
)
def test_a_secret_cannot_be_guessed_letter_by_letter_from_the_list(
    query: str, vera: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    make_agent(env={"API_KEY": "s3cret"})
    assert sign_in(vera).get(f"{LIST}?{query}").status_code == 400

"""What is asked by the buttons, what is asked first, and what is said afterwards."""

from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Node, Request
from agents.services.nodes import LEASE
from tests.pages.conftest import MakeAgent

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def supervisor(db: None) -> Node:
    lease = timezone.now() + LEASE
    return Node.objects.create(name="local", epoch=1, lease=lease)


def asked() -> list[tuple[str, str, str, str]]:
    rows = Request.objects.order_by("id")
    return list(rows.values_list("agent_name", "action", "actor", "via"))


def said(response: object) -> str:
    (message,) = get_messages(response.wsgi_request)  # type: ignore[attr-defined]
    return str(message)


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
def test_a_button_records_a_request_and_goes_back(
    as_bob: Client, make_agent: MakeAgent, action: str
) -> None:
    make_agent("web", status="running")
    response = as_bob.post(reverse("agent-action", args=["web", action]))
    assert (response.status_code, response["Location"]) == (302, "/agents/web/")
    assert asked() == [("web", action, "bob", "page")]


def test_kill_is_asked_first_and_done_when_confirmed(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web", status="running")
    address = reverse("agent-action", args=["web", "kill"])
    first = as_bob.post(address, {"next": "/agents/web/"})
    assert first.status_code == 200
    assert "Kill web?" in first.content.decode()
    assert asked() == []
    hidden = dict(
        re.findall(
            r'type="hidden" name="(\w+)" value="([^"]*)"', first.content.decode()
        )
    )
    done = as_bob.post(address, {**hidden, "reason": "it hangs"})
    assert done["Location"] == "/agents/web/"
    assert asked() == [("web", "kill", "bob", "page")]
    assert Request.objects.get().reason == "it hangs"


@pytest.mark.parametrize("action", ["stop", "kill"])
def test_stopping_many_is_asked_first(
    as_bob: Client, make_agent: MakeAgent, action: str
) -> None:
    for name in ("one", "two"):
        make_agent(name, status="running")
    names = {"names": ["one", "two"], "action": action}
    first = as_bob.post(reverse("agents-batch"), names)
    assert f"{action.capitalize()} 2 agents?" in first.content.decode()
    assert asked() == []
    as_bob.post(reverse("agents-batch"), {**names, "confirmed": "yes"})
    assert [(name, wish) for name, wish, _, _ in asked()] == [
        ("one", action),
        ("two", action),
    ]


def test_a_batch_says_how_many_were_asked_and_were_so_already(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    for name in ("one", "two"):
        make_agent(name, status="running")
    make_agent("three")
    names = ["one", "two", "three", "gone"]
    response = as_bob.post(
        reverse("agents-batch"), {"action": "start", "names": names}, follow=True
    )
    assert "Start: 3 asked, 2 already running, 1 name not found." in (
        response.content.decode()
    )
    assert len(asked()) == 3


def test_a_batch_of_none_says_so(as_bob: Client) -> None:
    response = as_bob.post(reverse("agents-batch"), {"action": "start"})
    assert said(response) == "No agents selected."


def test_a_batch_goes_back_to_the_filtered_list(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web")
    here = "/agents/?status=stopped&sort=-cpu"
    form = {"action": "start", "names": ["web"], "next": here}
    assert as_bob.post(reverse("agents-batch"), form)["Location"] == here
    elsewhere = {**form, "next": "https://example.com/"}
    assert as_bob.post(reverse("agents-batch"), elsewhere)["Location"] == "/agents/"


def test_an_unknown_action_is_not_found(as_bob: Client, make_agent: MakeAgent) -> None:
    make_agent("web")
    assert as_bob.post("/agents/web/explode").status_code == 404
    posted = as_bob.post(
        reverse("agents-batch"), {"action": "explode", "names": ["web"]}
    )
    assert posted.status_code == 404
    assert asked() == []


def test_htmx_gets_a_line_instead_of_a_page(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web")
    response = as_bob.post(reverse("agent-action", args=["web", "start"]), headers=HTMX)
    text = response.content.decode()
    assert response.status_code == 200
    assert "web was asked to start." in text
    assert "<html" not in text


def test_htmx_gets_the_question_into_the_dialog(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web", status="running")
    response = as_bob.post(reverse("agent-action", args=["web", "kill"]), headers=HTMX)
    assert response["HX-Retarget"] == "#dialog-body"
    assert "<html" not in response.content.decode()
    assert asked() == []


def test_nobody_to_act_on_it_is_said(
    as_bob: Client, make_agent: MakeAgent, supervisor: Node
) -> None:
    supervisor.delete()
    make_agent("web")
    response = as_bob.post(reverse("agent-action", args=["web", "start"]))
    assert said(response).startswith("web was asked to start. No supervisor")
    assert Agent.objects.get().desired_state == "running"


def test_a_group_is_asked_by_its_label_whatever_its_size(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    for at in range(120):
        make_agent(f"web-{at:03d}", labels={"team": "search"})
    make_agent("other", labels={"team": "core"})
    listed = as_bob.get("/agents/?label=team=search").content.decode()
    assert "120 agents" in listed
    form = {"action": "restart", "label": "team=search"}
    response = as_bob.post(reverse("agents-batch"), form)
    assert said(response) == "Restart: 120 asked."
    assert len(asked()) == 120
    assert "other" not in {name for name, *_ in asked()}


def test_stopping_a_group_is_asked_first_with_its_names(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    for name in ("one", "two"):
        make_agent(name, status="running", labels={"team": "search"})
    form = {"action": "stop", "label": "team=search"}
    question = as_bob.post(reverse("agents-batch"), form).content.decode()
    assert "Stop 2 agents?" in question
    assert 'name="names" value="one"' in question
    assert asked() == []


def test_who_may_only_look_gets_no_group_buttons(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("one", labels={"team": "search"})
    assert "Start all" not in as_vera.get("/agents/?label=team=search").content.decode()
    form = {"action": "start", "label": "team=search"}
    assert as_vera.post(reverse("agents-batch"), form).status_code == 403
    assert asked() == []

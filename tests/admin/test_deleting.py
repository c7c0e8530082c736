"""Deleting agents: one, many, and those that are alive."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Agent, Run
from tests.admin.conftest import MakeAgent, SignIn, make_run
from tests.admin.pages import LIST, messages_of, page_of, text_of


def delete(client: Client, agent: Agent) -> Any:
    address = f"{LIST}{agent.pk}/delete/"
    return client.post(address, {"post": "yes"}, follow=True)


def delete_many(client: Client, agents: list[Agent]) -> Any:
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(agent.pk) for agent in agents],
    }
    page = text_of(client.post(LIST, {**chosen, "index": "0"}))
    assert all(agent.name in page for agent in agents)
    return client.post(LIST, {**chosen, "post": "yes"}, follow=True)


def test_a_stopped_agent_is_deleted_and_its_runs_stay(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent()
    run = make_run(agent, ended_at="2026-01-01T00:00:00Z")
    client = sign_in(alice)
    page = text_of(client.get(f"{LIST}{agent.pk}/delete/"))
    assert "worker" in page
    assert "It stays" not in page
    response = delete(client, agent)
    assert "was deleted successfully" in messages_of(response)[0]
    assert not Agent.objects.exists()
    assert Run.objects.get() == run
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_repr) == (DELETION, "worker")


@pytest.mark.parametrize(
    "status", ["starting", "running", "stopping", "backoff", "unknown"]
)
def test_an_agent_that_is_alive_is_not_deleted(
    alice: User, make_agent: MakeAgent, sign_in: SignIn, status: str
) -> None:
    client, agent = sign_in(alice), make_agent(status=status)
    page = text_of(client.get(f"{LIST}{agent.pk}/delete/"))
    assert "It stays: stop it first." in page
    response = delete(client, agent)
    assert messages_of(response) == [
        f"Not deleted: worker is {status}. Stop it before deleting it."
    ]
    assert response.redirect_chain == [(page_of(agent), 302)]
    assert Agent.objects.exists()
    assert not LogEntry.objects.exists()


def test_of_many_those_that_are_alive_stay_and_are_counted(
    alice: User, make_agent: MakeAgent, make_running: MakeAgent, sign_in: SignIn
) -> None:
    agents = [make_agent("rests"), make_agent("crashed", status="crashed")]
    response = delete_many(sign_in(alice), [*agents, make_running("runs")])
    assert messages_of(response) == [
        "2 agents deleted. Requests, runs and history stay.",
        "1 agent not deleted. runs is running. Stop it before deleting it.",
    ]
    assert Agent.objects.get().name == "runs"
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == [
        "crashed",
        "rests",
    ]


def test_a_deleted_agents_page_leads_back_to_the_list(
    alice: User, sign_in: SignIn
) -> None:
    response = sign_in(alice).get(f"{LIST}999/delete/", follow=True)
    assert "Perhaps it was deleted?" in messages_of(response)[0]


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_may_not_configure_deletes_nothing(
    name: str, make_agent: MakeAgent, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    client = sign_in(request.getfixturevalue(name))
    agent = make_agent()
    assert delete(client, agent).status_code == 403
    assert "delete_selected" not in text_of(client.get(LIST))
    chosen = {"action": "delete_selected", "_selected_action": str(agent.pk)}
    client.post(LIST, {**chosen, "post": "yes"})
    assert Agent.objects.exists()


def test_what_others_need_is_not_deleted_and_they_are_named(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    store = make_agent("store")
    make_agent("web", depends_on=[{"agent": "store", "condition": "started"}])
    [message] = messages_of(delete(sign_in(alice), store))
    assert message == (
        "Not deleted: store is needed by web. Change what web depends on first."
    )
    assert Agent.objects.filter(name="store").exists()
    assert not LogEntry.objects.exists()


def test_those_that_need_each_other_are_deleted_together(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    store = make_agent("store")
    web = make_agent("web", depends_on=[{"agent": "store", "condition": "started"}])
    response = delete_many(sign_in(alice), [store, web])
    assert "2 agents deleted" in messages_of(response)[0]

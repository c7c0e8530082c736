"""Start, stop, restart and kill: from the list, from an agent's page, and forged."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from agents.admin import asking
from agents.models import Agent, Node, Request
from agents.policy.clock import boot_id, boot_seconds
from agents.policy.states import Action
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import LIST, decoded, forms_to, messages_of, page_of, text_of
from tests.harness.hardship import locked_database
from tests.harness.people import make_member

ACTIONS = ("start", "stop", "restart", "kill")


def button(action: str) -> str:
    return f"{LIST}ask/{action}/"


def bulk(client: Client, action: str, agents: list[Agent], **more: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(a.pk) for a in agents]}
    return client.post(LIST, {**chosen, "index": "0", **more}, follow=True)


def confirmed(client: Client, response: Any, action: str, **changes: str) -> Any:
    """Press the button of the page that asks for confirmation."""
    (values,) = forms_to(response, button(action))
    return client.post(button(action), values | changes, follow=True)


@pytest.mark.parametrize(
    ("action", "wanted"), [("start", "running"), ("restart", "running")]
)
def test_a_bulk_start_or_restart_is_asked_at_once(
    bob: User,
    make_agent: MakeAgent,
    sign_in: SignIn,
    supervised: Node,
    action: str,
    wanted: str,
) -> None:
    agents = [make_agent(f"worker-{n}") for n in range(3)]
    response = bulk(sign_in(bob), action, agents[:2])
    assert messages_of(response) == [f"{action.capitalize()}: 2 asked."]
    assert {
        (r.agent_name, r.action, r.actor, r.via) for r in Request.objects.all()
    } == {
        ("worker-0", action, "bob", "admin"),
        ("worker-1", action, "bob", "admin"),
    }
    states = list(Agent.objects.values_list("desired_state", "generation", "status"))
    assert states == [
        (wanted, 1, "stopped"),
        (wanted, 1, "stopped"),
        ("stopped", 0, "stopped"),
    ]


@pytest.mark.parametrize("action", ["stop", "kill"])
def test_a_bulk_stop_or_kill_first_shows_what_it_will_end(
    bob: User,
    make_agent: MakeAgent,
    make_running: MakeAgent,
    sign_in: SignIn,
    supervised: Node,
    action: str,
) -> None:
    client = sign_in(bob)
    running = make_running("runs", pid=4242, processes=3, stop_signal="INT")
    waiting = make_agent("waits", status="backoff")
    stopped = make_agent("rests")
    response = bulk(client, action, [running, waiting, stopped])
    page = text_of(response)
    assert not Request.objects.exists()
    assert response.context["title"] == f"{action.capitalize()} 3 agents?"
    assert "4242" in page
    assert "The restart it waits for is called off." in page
    assert "1 of 3 is stopped already." in page
    ending = {
        "stop": "Sends INT. After 10 s KILL ends whatever is left of 3 processes.",
        "kill": "Ends 3 processes at once, by KILL.",
    }
    assert ending[action] in page

    response = confirmed(client, response, action, reason="it is late")
    assert messages_of(response) == [
        f"{action.capitalize()}: 3 asked, 1 already stopped."
    ]
    assert response.redirect_chain == [(LIST, 302)]
    assert {(r.agent_name, r.action, r.reason) for r in Request.objects.all()} == {
        (name, action, "it is late") for name in ("runs", "waits", "rests")
    }


def test_what_was_confirmed_is_asked_even_if_the_filter_no_longer_matches(
    bob: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    agent = make_running()
    chosen = {"action": "stop", "_selected_action": str(agent.pk), "index": "0"}
    response = client.post(f"{LIST}?status__exact=running", chosen)
    Agent.objects.filter(pk=agent.pk).update(status="backoff")
    response = confirmed(client, response, "stop")
    assert Request.objects.get().agent == agent
    assert response.redirect_chain == [(f"{LIST}?status__exact=running", 302)]


def test_select_across_reaches_every_page_of_the_list(
    bob: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    agents = [make_agent(f"worker-{n:03}") for n in range(60)]
    response = bulk(client, "kill", agents[:1], select_across="1")
    assert response.context["title"] == "Kill 60 agents?"
    confirmed(client, response, "kill")
    assert Request.objects.count() == 60


def test_each_agent_has_a_line_in_the_audit_log(
    bob: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(bob)
    agents = [make_agent("one"), make_agent("two")]
    confirmed(client, bulk(client, "stop", agents), "stop", reason="maintenance")
    bulk(client, "start", agents[:1])
    lines = LogEntry.objects.order_by("pk").values_list(
        "user__username", "object_repr", "action_flag", "change_message"
    )
    assert list(lines) == [
        ("bob", "one", CHANGE, "Asked to stop: maintenance"),
        ("bob", "two", CHANGE, "Asked to stop: maintenance"),
        ("bob", "one", CHANGE, "Asked to start."),
    ]
    history = client.get(f"{LIST}{agents[0].pk}/history/")
    assert "Asked to stop: maintenance" in text_of(history)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_same_four_are_buttons_on_the_agents_page(
    bob: User, make_running: MakeAgent, sign_in: SignIn, supervised: Node, action: str
) -> None:
    client, agent = sign_in(bob), make_running()
    (values,) = forms_to(client.get(page_of(agent)), button(action))
    assert values["csrfmiddlewaretoken"]
    response = client.post(button(action), values, follow=True)
    if action in ("stop", "kill"):
        assert not Request.objects.exists()
        response = confirmed(client, response, action)
    assert response.redirect_chain == [(page_of(agent), 302)]
    assert Request.objects.get().action == action
    said = {"start": "Start: worker is already running."}
    assert messages_of(response) == [
        said.get(action, f"{action.capitalize()}: worker was asked.")
    ]


def test_an_absent_supervisor_is_said(
    bob: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    response = bulk(sign_in(bob), "start", [make_agent()])
    assert "No supervisor is running." in messages_of(response)[1]
    assert Request.objects.exists()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("name", ["vera", "carol"])
def test_who_may_not_operate_is_offered_nothing_and_forges_in_vain(
    name: str,
    action: str,
    make_running: MakeAgent,
    sign_in: SignIn,
    request: pytest.FixtureRequest,
) -> None:
    client = sign_in(request.getfixturevalue(name))
    agent = make_running()
    assert forms_to(client.get(page_of(agent)), button(action)) == []
    assert f'value="{action}"' not in text_of(client.get(LIST))
    forged = {"agents": str(agent.pk), "post": "yes"}
    assert client.post(button(action), forged).status_code == 403
    assert client.get(button(action)).status_code == 403
    bulk(client, action, [agent], post="yes")
    assert not Request.objects.exists()
    assert not LogEntry.objects.exists()


def test_nothing_is_asked_without_a_csrf_token(
    bob: User, make_agent: MakeAgent
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    agent = make_agent()
    forged = {"agents": str(agent.pk), "post": "yes"}
    assert client.post(button("stop"), forged).status_code == 403
    assert not Request.objects.exists()


def test_nothing_is_asked_by_a_link(
    bob: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent()
    response = sign_in(bob).get(
        button("start"), {"agents": str(agent.pk), "post": "yes"}
    )
    assert response.status_code == 302
    assert not Request.objects.exists()


def test_who_is_not_signed_in_is_asked_to(make_agent: MakeAgent) -> None:
    forged = {"agents": str(make_agent().pk)}
    response = Client().post(button("start"), forged)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
    assert not Request.objects.exists()


@pytest.mark.parametrize("ids", ["x", "1,x", "-1", "²", "9" * 40])
def test_ids_that_are_none_are_refused(bob: User, sign_in: SignIn, ids: str) -> None:
    response = sign_in(bob).post(button("start"), {"agents": ids}, follow=True)
    assert messages_of(response) == ["These are no agents."]


def test_a_deleted_agent_is_said_to_be_gone(bob: User, sign_in: SignIn) -> None:
    response = sign_in(bob).post(button("start"), {"agents": "999"}, follow=True)
    assert messages_of(response) == ["None of these agents is there any more."]


def test_an_unknown_action_is_not_found(bob: User, sign_in: SignIn) -> None:
    assert sign_in(bob).post(button("explode"), {"agents": "1"}).status_code == 404


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leads_elsewhere(
    bob: User, make_agent: MakeAgent, sign_in: SignIn, elsewhere: str
) -> None:
    client = sign_in(bob)
    form = {"agents": str(make_agent().pk), "next": elsewhere}
    assert client.post(button("start"), form)["Location"] == LIST
    assert elsewhere not in decoded(client.post(button("stop"), form))


@pytest.mark.django_db(transaction=True)
def test_a_wish_counts_from_the_click_however_long_the_database_is_waited_for(
    rf: RequestFactory,
) -> None:
    agent = Agent.objects.create(name="web", command=["sleep", "9"])
    request = rf.post("/")
    request.user = make_member("bob")
    with locked_database(1.0):
        clicked = boot_seconds()
        asking.ask(request, Action.RESTART, [agent], "")
        assert boot_seconds() - clicked > 0.3, "it was not waited for"
    agent.refresh_from_db()
    assert agent.wanted_boot == boot_id()
    assert clicked <= (agent.wanted_boot_seconds or 0) < clicked + 0.2

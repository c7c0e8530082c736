"""Who may add, change and clone set-ups, and what a forged form achieves: nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.models import Agent
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import (
    ADD,
    decoded,
    errors_of,
    form_values,
    page_of,
    saved,
    text_of,
)

SECRET = "sk-very-secret-value"


def test_configuring_alone_shows_the_command_and_cannot_change_it(
    carol: User, make_agent: MakeAgent, sign_in: SignIn, tmp_path: Any
) -> None:
    client = sign_in(carol)
    agent = make_agent(env={"API_KEY": SECRET})
    page = client.get(page_of(agent))
    assert "sleep 60" in text_of(page)
    assert not {"command", "env", "cwd", "stdin"} & set(form_values(page))
    saved(
        client,
        agent,
        role="changed",
        command="touch /tmp/forged",
        env="LD_PRELOAD=/tmp/forged.so",
        cwd=str(tmp_path),
        stdin="fifo",
    )
    agent.refresh_from_db()
    assert agent.role == "changed"
    assert (agent.command, agent.env, agent.cwd, agent.stdin) == (
        ["sleep", "60"],
        {"API_KEY": SECRET},
        "",
        "none",
    )


def test_configuring_alone_adds_no_agent_and_says_why(
    carol: User, sign_in: SignIn
) -> None:
    client = sign_in(carol)
    for response in (
        client.get(ADD),
        client.post(ADD, {"name": "forged", "command": "touch /tmp/forged"}),
    ):
        assert response.status_code == 403
    assert not Agent.objects.exists()
    assert ADD not in decoded(client.get("/admin/agents/agent/"))


def test_a_problem_in_what_a_person_may_not_change_is_said_on_top(
    carol: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent(cwd="/gone/since")
    response = saved(sign_in(carol), agent, role="changed")
    assert "Working directory: '/gone" in errors_of(response)["__all__"][0]


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_may_not_configure_reads_only(
    name: str, make_agent: MakeAgent, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    client = sign_in(request.getfixturevalue(name))
    agent = make_agent()
    page = client.get(page_of(agent))
    assert 'name="_save"' not in text_of(page)
    forged = {"role": "forged", "command": "touch /tmp/forged"}
    assert client.post(page_of(agent), forged).status_code == 403
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {"name": "forged", **forged}).status_code == 403
    agent.refresh_from_db()
    assert (agent.role, agent.command) == ("", ["sleep", "60"])


def test_observed_columns_cannot_be_forged(
    alice: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_running()
    saved(
        sign_in(alice),
        agent,
        role="changed",
        status="stopped",
        pid="1",
        desired_state="stopped",
        generation="9",
        observed_generation="9",
        kind="native_llm",
        node="elsewhere",
    )
    agent.refresh_from_db()
    assert (agent.status, agent.pid, agent.generation) == ("running", 4242, 1)
    assert (agent.kind, agent.node, agent.role) == (
        "process_wrapper",
        "local",
        "changed",
    )


# Clones


def test_a_clone_has_a_free_name_the_same_set_up_and_is_stopped(
    alice: User, make_running: MakeAgent, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client = sign_in(alice)
    source = make_running(
        env={"API_KEY": SECRET},
        labels={"team": "search"},
        stop_grace=3,
        role="searches",
    )
    make_agent("Worker-2")
    address = f"{ADD}?clone={source.pk}"
    assert address in text_of(client.get(page_of(source)))
    page = client.get(address)
    assert SECRET not in text_of(page)
    client.post(address, form_values(page))
    clone = Agent.objects.get(name="worker-3")
    assert clone.env == {"API_KEY": SECRET}
    assert (clone.labels, clone.stop_grace, clone.role) == (
        {"team": "search"},
        3,
        "searches",
    )
    assert (clone.status, clone.desired_state, clone.pid) == (
        "stopped",
        "stopped",
        None,
    )


def test_a_clone_of_nothing_is_an_empty_form(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    for source in ("999", "x", "²", "9" * 30):
        assert form_values(client.get(f"{ADD}?clone={source}"))["command"] == ""


def test_who_may_not_add_is_not_offered_a_clone(
    carol: User, bob: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_agent()
    for person in (carol, bob):
        assert "?clone=" not in text_of(sign_in(person).get(page_of(agent)))

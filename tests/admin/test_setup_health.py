"""Probes and limits in the form: who may set which, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User

from agents.models import Agent
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import (
    added,
    errors_of,
    form_values,
    messages_of,
    page_of,
    saved,
    text_of,
)

EXEC: dict[str, Any] = {"type": "exec", "command": ["check", "--fast"]}
TCP: dict[str, Any] = {"type": "tcp", "port": 5432}


def test_probes_are_added_shown_and_left_alone(alice: User, sign_in: SignIn) -> None:
    client = sign_in(alice)
    added(client, probes=json.dumps([EXEC, TCP]), memory_limit="536870912")
    agent = Agent.objects.get()
    assert (agent.probes, agent.memory_limit) == ([EXEC, TCP], 536870912)
    shown = form_values(client.get(page_of(agent)))["probes"]
    assert shown.splitlines()[1].strip() == json.dumps(EXEC) + ","
    saved(client, agent, role="changed")
    agent.refresh_from_db()
    assert (agent.probes, agent.revision) == ([EXEC, TCP], 2)


def test_what_is_wrong_with_a_probe_stands_beside_the_field(
    alice: User, sign_in: SignIn, make_agent: MakeAgent
) -> None:
    client, agent = sign_in(alice), make_agent()
    for text, words in (
        ('[{"type": "tcp"}]', "Probe 1: tcp needs the key 'port'."),
        ('[{"type": "tcp"', "This is not valid JSON"),
        ('"tcp"', "Probes are a list"),
    ):
        errors = errors_of(saved(client, agent, probes=text))
        assert list(errors) == ["probes"]
        assert words in errors["probes"][0]
    errors = errors_of(saved(client, agent, memory_limit="512"))
    assert "512 MB are 536870912" in errors["memory_limit"][0]
    errors = errors_of(saved(client, agent, heartbeat_interval="0.1"))
    assert "Give 1 second or more" in errors["heartbeat_interval"][0]


def test_configuring_alone_sets_all_probes_but_a_command(
    carol: User, sign_in: SignIn, make_agent: MakeAgent
) -> None:
    """Retuned and removed they may be: whoever could stop an agent can do worse."""
    client, agent = sign_in(carol), make_agent(probes=[EXEC])
    saved(client, agent, probes=json.dumps([EXEC | {"period": 60}, TCP]))
    agent.refresh_from_db()
    assert agent.probes == [EXEC | {"period": 60}, TCP]
    for forged in (
        {"type": "exec", "command": ["touch", "/tmp/forged"]},
        EXEC | {"command": ["check"]},
        EXEC | {"command": ["check", "--fast", "/etc"]},
    ):
        response = saved(client, agent, probes=json.dumps([EXEC, forged]))
        assert (
            "you need the permission to set commands"
            in (errors_of(response)["probes"][0])
        )
    agent.refresh_from_db()
    assert agent.probes == [EXEC | {"period": 60}, TCP]
    saved(client, agent, probes="")
    agent.refresh_from_db()
    assert agent.probes == []
    response = saved(client, agent, probes=json.dumps([EXEC]))
    assert "probes" in errors_of(response), "what was removed is not known any more"


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_may_not_configure_reads_them(
    name: str, make_agent: MakeAgent, sign_in: SignIn, request: pytest.FixtureRequest
) -> None:
    client = sign_in(request.getfixturevalue(name))
    agent = make_agent(probes=[EXEC])
    page = text_of(client.get(page_of(agent)))
    assert "--fast" in page
    assert 'name="probes"' not in page
    forged = {"probes": json.dumps([TCP])}
    assert client.post(page_of(agent), forged).status_code == 403
    agent.refresh_from_db()
    assert agent.probes == [EXEC]


def test_a_change_of_probes_is_in_effect_and_asks_for_no_restart(
    alice: User, sign_in: SignIn, make_agent: MakeAgent
) -> None:
    client, agent = sign_in(alice), make_agent()
    Agent.objects.update(status="running")
    response = saved(client, agent, probes=json.dumps([TCP]))
    assert not any("older set-up" in text for text in messages_of(response))
    response = saved(client, agent, command="sleep 61")
    assert any("older set-up" in text for text in messages_of(response))

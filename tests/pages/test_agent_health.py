"""The health panel of an agent's page: its probes, its signs of life, its limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from agents.live import fragments
from agents.models import Agent
from agents.services import agent_detail, shapes
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent

PROBES: list[dict[str, Any]] = [
    {"name": "web", "type": "http", "url": "http://127.0.0.1:8080/up?token=abc"},
    {"type": "exec", "command": ["/usr/bin/check"], "action": "restart"},
    {"type": "silence", "seconds": 1200},
]


def panel(client: Client, name: str = "web") -> str:
    text = client.get(f"/agents/{name}/").content.decode()
    text = text[text.index('id="agent-health"') :]
    return text[: text.index("</section>")]


def said(name: str, kind: str, state: str, detail: str) -> dict[str, Any]:
    at = shapes.utc(timezone.now())
    return {
        "name": name,
        "type": kind,
        "state": state,
        "since": at,
        "at": at,
        "detail": detail,
    }


def test_each_probe_has_its_state_as_text_icon_and_colour(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    agent = make_agent("web", probes=PROBES, memory_limit=512 * 2**20)
    run_of(agent)
    states = [
        said("web", "http", "failing", "connection <refused>"),
        said("exec", "exec", "passing", "exited with 0"),
    ]
    Agent.objects.filter(pk=agent.pk).update(probe_states=states)
    web, check, silence = panel(as_vera).split("<li ")[1:]
    assert 'data-probe="failing"' in web
    assert "#i-warning" in web and "Failing" in web
    assert "connection &lt;refused&gt;" in web
    assert "<time data-for datetime=" in web
    assert "http://127.0.0.1:8080/up" in web and "token" not in web
    assert "#i-check" in check and "Passing" in check
    assert "runs check · a failure restarts it" in check
    assert "Waiting" in silence and "<time" not in silence.partition("</li>")[0]
    assert "512 MB" in silence


def test_of_an_agent_that_does_not_run_nothing_is_claimed(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    agent = make_agent("web", probes=PROBES)
    Agent.objects.filter(pk=agent.pk).update(
        probe_states=[said("web", "http", "passing", "answered 200")],
        last_output_at=timezone.now(),
    )
    text = panel(as_vera)
    assert text.count("Not looked at") == 3
    assert "answered 200" not in text
    assert "<time" not in text


def test_the_clocks_are_shown_apart_and_those_of_an_earlier_run_are_not(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    agent = make_agent("web")
    run_of(agent)
    agent.refresh_from_db()
    assert agent.started_at is not None
    Agent.objects.filter(pk=agent.pk).update(
        last_output_at=timezone.now(),
        last_heartbeat_at=agent.started_at - timedelta(seconds=1),
    )
    text = panel(as_vera)
    assert "No probes are set up." in text
    clocks = text.split("<dt>")[1:]
    assert ["<time" in clock for clock in clocks] == [True, False, False]
    agent.refresh_from_db()
    shape = shapes.agent_shape(agent)
    assert shape["last_heartbeat_at"] is None
    assert shape["last_output_at"] is not None


def test_what_is_swapped_in_looks_like_what_was_there(
    as_vera: Client, make_agent: MakeAgent, vera: User
) -> None:
    agent = make_agent("web", probes=PROBES)
    vitals = agent_detail.vitals_of(agent.pk)
    assert vitals is not None
    made = fragments.vitals(vitals)
    assert made.count('hx-swap-oob="true"') == 2
    assert panel(as_vera) in made.replace(' hx-swap-oob="true"', "")
    assert agent_detail.vitals_of(10**9) is None

"""`agents brake` and `agents release`."""

from __future__ import annotations

import pytest

from agents.management.agentctl.asker import who
from agents.models import Agent, Request
from agents.policy.states import Status
from agents.services import brake
from tests.management.conftest import Make, Run
from tests.services.fleet import settle

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("data"),
]


def test_it_is_pulled_shown_everywhere_and_released(agents: Run) -> None:
    assert agents("brake").code == 0
    pulled = agents("brake", "--reason", "they delete files", "--json")
    assert (pulled.code, pulled.json["by"]) == (0, who())
    assert (pulled.json["agents"], pulled.json["work"]) == ("leave", "interrupt")
    shown = agents("brake")
    assert shown.code == 1, "for scripts: it is pulled"
    assert f"by {who()}" in shown.out and "they delete files" in shown.out
    assert "they delete files" in agents("summary").out
    assert agents("summary", "--json").json["brake"] == pulled.json
    again = agents("brake", "--reason", "me too")
    assert again.code == 0 and "pulled already" in again.err
    released = agents("release", "--reason", "all is well", "--json")
    assert (released.code, released.json["pulled"]) == (0, False)
    assert brake.pulled() is None


def test_what_is_not_pulled_is_released_already(agents: Run) -> None:
    released = agents("release", "--reason", "all is well")
    assert released.code == 0
    assert "not pulled" in released.err


def test_a_release_needs_a_reason_and_a_pull_more_than_blanks(agents: Run) -> None:
    assert "Say why" in agents("brake", "--reason", " ").err
    agents("brake", "--reason", "so")
    assert agents("release", "--reason", " ").code == 1
    assert brake.pulled() is not None


def test_without_a_hub_the_command_stops_the_agents_itself(
    agents: Run, make: Make
) -> None:
    agent = make("web")
    settle(agent, desired_state="running")
    done = agents("brake", "--stop", "--reason", "they delete files")
    assert done.code == 0
    assert "this command stops the agents" in done.err
    assert Agent.objects.get().status == Status.STOPPED
    assert Request.objects.get().outcome == "done"
    again = agents("release", "--go-on", "--reason", "all is well")
    assert "No supervisor is running" in again.err
    assert Agent.objects.get().desired_state == "running"

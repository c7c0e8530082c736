"""The hub as a whole: counts, nodes, providers without keys, tokens and money."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, Budget, Node, Provider
from agents.policy.clock import boot_id
from agents.services import budgets, nodes, providers
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import run_of
from tests.harness.spending import spend, thinker
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

PATHS = ("summary", "nodes", "providers", "usage")


def read(program: Program, path: str) -> Any:
    answer = program.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("path", PATHS)
def test_people_who_may_look_read_it_and_no_run_does(
    path: str,
    data: Any,
    make_agent: MakeAgent,
    viewer: Program,
    operator: Program,
    configurer: Program,
    stranger: Program,
) -> None:
    web = make_agent("web")
    run = run_of(web)
    Agent.objects.filter(pk=web.pk).update(status="running", run=run)
    for one in (viewer, operator, configurer):
        assert one.get(path).status_code == 200
    assert with_token(run).get(path).status_code == 403
    assert stranger.get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_who_has_it_already_is_not_sent_it_again(
    path: str, data: Any, viewer: Program
) -> None:
    tag = viewer.get(path)["ETag"]
    assert viewer.get(path, If_None_Match=tag).status_code == 304


def test_the_summary_counts_and_tells_the_truth_about_the_supervisor(
    data: Any, make_agent: MakeAgent, viewer: Program
) -> None:
    make_agent("b", status="running")
    make_agent("a", status="running")
    make_agent("c", status="crashed")
    make_agent("cluster", status="running", internal=True)
    # A lease that still holds, of a supervisor that was killed just now.
    nodes.take("local", boot_id(), os.getpid())
    told = read(viewer, "summary")
    assert (told["total_agents"], told["running_agents"]) == (3, 2)
    assert told["running_agent_names"] == ["a", "b"]
    assert told["status_counts"]["crashed"] == 1
    assert told["supervisor_running"] is False
    assert told["degraded"] is None


def test_nodes_say_whether_their_supervisor_is_there(
    data: Any, make_agent: MakeAgent, viewer: Program
) -> None:
    now = timezone.now()
    epoch = nodes.take("local", boot_id(), 77)
    past = now - timedelta(minutes=1)
    Node.objects.create(name="far", epoch=3, lease=past, last_seen=past)
    Node.objects.create(name="old", epoch=1)
    make_agent("a")
    make_agent("b")
    items = read(viewer, "nodes")["items"]
    assert [(one["name"], one["state"], one["agents"]) for one in items] == [
        ("far", "silent", 0),
        ("local", "present", 2),
        ("old", "left", 0),
    ]
    assert (items[1]["pid"], items[1]["epoch"]) == (77, epoch)
    assert items[1]["last_seen_at"].endswith("Z")
    nodes.leave("local", epoch)
    assert read(viewer, "nodes")["items"][1]["state"] == "left"


def test_providers_are_listed_without_their_keys(
    data: Any, settings: Any, viewer: Program, configurer: Program
) -> None:
    Provider.objects.all().delete()
    settings.AGENTHUB_PROVIDER_KEYS = {"openai": "sk-of-the-environment"}
    one = Provider(name="claude", kind="anthropic", default_model="m")
    providers.save(one, "sk-very-secret")
    providers.save(Provider(name="gpt", kind="openai"))
    providers.save(Provider(name="rehearsal", kind="demo"))
    thinker("writer", provider="claude")
    for program in (viewer, configurer):
        answer = program.get("providers")
        assert b"sk-" not in answer.content
        sealed = Provider.objects.get(name="claude").sealed_key
        assert sealed.encode() not in answer.content
        items = answer.json()["items"]
        assert [(p["name"], p["key"], p["agents"]) for p in items] == [
            ("claude", "row", ["writer"]),
            ("gpt", "OPENAI_API_KEY", []),
            ("rehearsal", None, []),
        ]


def test_an_unknown_cost_is_null_and_never_nothing(
    data: Any, make_agent: MakeAgent, viewer: Program
) -> None:
    idle = read(viewer, "usage")
    assert (idle["total"]["cost"], idle["total"]["requests"]) == ("0", 0)
    assert len(idle["by_day"]) == 30
    spend(thinker("known"), "1.50")
    spend(thinker("unknown"), None)
    told = read(viewer, "usage?days=1")
    assert told["from"] == told["to"]
    costs = {one["agent"]: (one["cost"], one["unpriced"]) for one in told["by_agent"]}
    assert costs == {"known": ("1.5", 0), "unknown": (None, 1)}
    assert (told["total"]["cost"], told["total"]["unpriced"]) == ("1.5", 1)
    assert told["total"]["usage"]["output"] == 20
    assert told["by_model"][0]["provider"] == "anthropic"


def test_use_is_that_of_the_days_and_agents_that_were_asked_for(
    data: Any, viewer: Program
) -> None:
    budgets.save(Budget(scope="all", period="day", limit=100))
    one, other = thinker("one", budget={"day": 4}), thinker("other")
    spend(one, "1", ago=timedelta(days=3))
    spend(one, "2")
    spend(other, "4")
    total = read(viewer, "usage?days=2")["total"]
    assert total["cost"] == "6"
    told = read(viewer, "usage?agent=one&agent=one")
    assert told["total"]["cost"] == "3"
    assert [(b["agent"], b["spent"], b["state"]) for b in told["budgets"]] == [
        ("one", "2", "ok")
    ]
    scopes = {b["scope"] for b in read(viewer, "usage")["budgets"]}
    assert scopes == {"all", "agent"}
    # What was used stays known by its name.
    Agent.objects.filter(name="other").delete()
    assert read(viewer, "usage?agent=other")["total"]["cost"] == "4"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=3661", "days"),
        ("days=x", "days"),
        ("agent=nobody", "agent"),
        ("agent=%00", "agent"),
        ("period=7d", "period"),
    ],
)
def test_days_and_names_that_are_none_are_refused(
    query: str, field: str, data: Any, viewer: Program
) -> None:
    answer = viewer.get(f"usage?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].partition(".")[0] == field

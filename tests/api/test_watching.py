"""The hub's own health, and its figures as Prometheus reads them."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from agents.models import Agent, Node, UsageDay
from agents.policy.clock import boot_id
from agents.services import changes, nodes
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]

LINE = re.compile(
    r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\[\\"n])*",?)+\})? '
    r"(\d+|\d+\.\d+([eE][+-]?\d+)?|\d+e[+-]?\d+)"
)


def parsed(text: str) -> dict[str, Metric]:
    """Prometheus' own reading, after what its parser lets pass has been refused."""
    assert text.endswith("\n")
    seen: set[str] = set()
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, keyword, name, rest = line.split(" ", 3)
            assert keyword in {"HELP", "TYPE"} and rest
            assert f"{keyword} {name}" not in described, f"{name} stands twice"
            described.add(f"{keyword} {name}")
            continue
        assert LINE.fullmatch(line), line
        figure = line.rpartition(" ")[0]
        assert figure not in seen, f"{figure} stands twice"
        seen.add(figure)
        name = figure.partition("{")[0]
        assert {f"HELP {name}", f"TYPE {name}"} <= described, name
    found = list(text_string_to_metric_families(text))
    assert len({one.name for one in found}) == len(found)
    assert all(one.type in {"gauge", "counter"} for one in found)
    return {one.name: one for one in found}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    [found] = [one for one in families[name].samples if one.labels == labels]
    return float(found.value)


def read(program: Program) -> dict[str, Metric]:
    answer = program.get("metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.content.decode())


@pytest.fixture
def supervised(data: Path, db: None) -> int:
    """A supervisor has taken the node; its epoch."""
    return nodes.take("local", boot_id(), os.getpid())


def test_a_hub_that_works_says_so_to_anybody(
    supervised: int, stranger: Program
) -> None:
    answer = stranger.get("healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "live": True,
        "ready": True,
        "reasons": None,
        "brake": None,
    }


def test_only_who_may_look_is_told_why_the_hub_is_not_ready(
    supervised: int,
    make_agent: MakeAgent,
    viewer: Program,
    operator: Program,
    configurer: Program,
    stranger: Program,
) -> None:
    web = make_agent("web")
    run = run_of(web)
    Agent.objects.filter(pk=web.pk).update(status="running", run=run)
    nodes.leave("local", supervised)
    for one in (viewer, operator, configurer):
        answer = one.get("healthz")
        assert answer.status_code == 503
        told = answer.json()
        assert (told["status"], told["live"], told["ready"]) == (
            "degraded",
            True,
            False,
        )
        assert "supervisor" in told["reasons"][0]
    for other in (stranger, with_token(run)):
        answer = other.get("healthz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] is None


def test_a_session_that_may_look_is_told_too(data: Path, vera: object) -> None:
    client = Client()
    client.force_login(vera)  # type: ignore[arg-type]
    assert client.get("/api/v1/healthz").json()["reasons"]


def test_a_supervisor_whose_lease_has_run_out_is_none(
    supervised: int, stranger: Program
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Node.objects.update(lease=past, lease_boot_seconds=0)
    assert stranger.get("healthz").status_code == 503


def test_health_is_no_way_to_guess_a_token_at_leisure(supervised: int) -> None:
    wrong = Program("ahp_wrong")
    statuses = {wrong.get("healthz").status_code for _ in range(40)}
    assert statuses == {401, 429}
    assert Program(None).get("healthz").status_code == 200


def test_figures_are_for_people_who_may_look(
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
        assert one.get("metrics").status_code == 200
    assert stranger.get("metrics").status_code == 401
    assert with_token(run).get("metrics").status_code == 403


def test_an_empty_hub_has_figures_that_prometheus_reads(
    data: Path, viewer: Program
) -> None:
    families = read(viewer)
    assert value(families, "agenthub_supervisor_up") == 0
    assert value(families, "agenthub_agents", status="running") == 0
    assert value(families, "agenthub_tasks", state="queued") == 0


def test_figures_tell_of_agents_tasks_tokens_and_money(
    supervised: int, make_agent: MakeAgent, viewer: Program
) -> None:
    web = make_agent("web")
    run_of(web)
    figures = {"cpu_percent": 12.5, "rss_bytes": 4096, "restarts_total": 3}
    Agent.objects.filter(pk=web.pk).update(**figures)
    make_agent("old", status="crashed", cpu_percent=99.0, rss_bytes=1)
    odd = 'a "model"\\of\nmine'
    UsageDay.objects.create(
        agent=web,
        agent_name="web",
        provider="anthropic",
        model=odd,
        day=timezone.now().date(),
        requests=5,
        unpriced=2,
        input=100,
        output=50,
        reasoning=20,
        cost=Decimal("1.25"),
    )
    families = read(viewer)
    assert value(families, "agenthub_supervisor_up") == 1
    assert value(families, "agenthub_change_seq") == changes.latest() > 0
    assert value(families, "agenthub_agents", status="running") == 1
    assert value(families, "agenthub_agents", status="crashed") == 1
    assert value(families, "agenthub_agent_up", agent="web") == 1
    assert value(families, "agenthub_agent_up", agent="old") == 0
    assert value(families, "agenthub_agent_restarts", agent="web") == 3
    assert value(families, "agenthub_agent_cpu_percent", agent="web") == 12.5
    memory = families["agenthub_agent_resident_memory_bytes"].samples
    assert [(one.labels["agent"], one.value) for one in memory] == [("web", 4096)]
    of = {"provider": "anthropic", "model": odd}
    assert value(families, "agenthub_tokens", kind="output", **of) == 50
    assert value(families, "agenthub_cost_usd", **of) == 1.25
    assert value(families, "agenthub_unpriced_requests", **of) == 2


def test_without_its_database_the_hub_is_down_and_says_so_to_anybody(
    viewer: Program, stranger: Program
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("database is locked")

    # Django's own hook, in place of a database that nothing can be read from.
    with connection.execute_wrapper(refuse):
        for one in (viewer, stranger):
            answer = one.get("healthz")
            assert answer.status_code == 503
            assert answer.json() == {
                "status": "down",
                "live": True,
                "ready": False,
                "reasons": None,
                "brake": None,
            }

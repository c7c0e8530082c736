"""The lists: filtered, sorted, in pages that fit together, and not sent twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent
from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["items"]]


def walked(program: Program, path: str) -> list[dict[str, Any]]:
    """Every item of a list, page for page."""
    items: list[dict[str, Any]] = []
    cursor, joint = "", "&" if "?" in path else "?"
    while True:
        page = program.get(f"{path}{joint}limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


def test_every_filter_has_to_hold(make_agent: MakeAgent, viewer: Program) -> None:
    make_agent("a", labels={"team": "web", "b=c": "1"}, role="writer")
    make_agent("b", labels={"team": "web"}, capabilities=["review"], node="far")
    make_agent("c", labels={"team": "db"}, status="crashed", status_reason="boom")
    for query, found in {
        "": ["a", "b", "c"],
        "?label=team=web": ["a", "b"],
        "?label=team=web&label=team=db": [],
        "?label=team=web&capability=review": ["b"],
        "?node=far": ["b"],
        "?role=writer": ["a"],
        "?status=crashed": ["c"],
        "?kind=native_llm": [],
        "?q=boom": ["c"],
        "?q=web+writer": ["a"],
    }.items():
        assert names(viewer.get(f"agents{query}")) == found, query


@pytest.mark.parametrize(
    "query",
    [
        "status=busy",
        "kind=x",
        "label=team",
        "limit=0",
        "limit=501",
        "sort=x",
        "lable=a=b",
        "q=%00",
        "cursor=x",
    ],
)
def test_what_is_not_understood_is_named(viewer: Program, query: str) -> None:
    answer = viewer.get(f"agents?{query}")
    assert answer.status_code == 422
    field = query.partition("=")[0]
    assert [one["field"].partition(".")[0] for one in answer.json()["errors"]] == [
        field
    ]


@pytest.mark.parametrize(
    "sort", ["name", "status", "since", "restarts", "cpu", "memory"]
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_fit_together_in_every_order(
    make_agent: MakeAgent, viewer: Program, sort: str, sign: str
) -> None:
    for number, cpu in enumerate((None, 3.25, 0.1, None, 3.25, 7.0, None)):
        status = ["crashed", "running", "stopped"][number % 3]
        pid = None if cpu is None else 10 + number
        make_agent(
            f"a{number}",
            cpu_percent=cpu,
            rss_bytes=None if cpu is None else int(cpu * 100),
            pid=pid,
            status=status,
            restarts_total=number % 2,
            status_since=timezone.now(),
        )
    whole = names(viewer.get(f"agents?sort={sign}{sort}"))
    assert len(whole) == 7
    paged = [one["name"] for one in walked(viewer, f"agents?sort={sign}{sort}")]
    assert paged == whole
    if sort == "cpu":
        assert whole[-3:] == ["a0", "a3", "a6"]


def test_a_page_is_stable_while_agents_come_and_go(
    make_agent: MakeAgent, viewer: Program
) -> None:
    for name in "bdfh":
        make_agent(name)
    first = viewer.get("agents?limit=2").json()
    make_agent("a")
    make_agent("e")
    Agent.objects.filter(name="d").delete()
    second = viewer.get(f"agents?cursor={first['next']}")
    assert names(second) == ["e", "f", "h"]


def test_a_cursor_fits_no_other_list(make_agent: MakeAgent, viewer: Program) -> None:
    for name in "abc":
        make_agent(name)
    cursor = viewer.get("agents?limit=1").json()["next"]
    assert names(viewer.get(f"agents?limit=2&cursor={cursor}")) == ["b", "c"]
    for other in (
        f"agents?sort=-name&cursor={cursor}",
        f"agents?q=a&cursor={cursor}",
        f"agents?cursor=x{cursor}",
        f"agents/a/runs?cursor={cursor}",
    ):
        answer = viewer.get(other)
        assert answer.status_code == 422
        assert "begins anew" in answer.json()["errors"][0]["detail"]


def test_who_has_the_list_already_is_not_sent_it_again(
    make_agent: MakeAgent, viewer: Program
) -> None:
    agent = make_agent("web", pid=5, status="running", started_at=timezone.now())
    answer = viewer.get("agents")
    tag = answer["ETag"]
    again = viewer.get("agents", If_None_Match=f'"other", {tag}')
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    # A measured value has no row in the change counter.
    Agent.objects.filter(pk=agent.pk).update(cpu_percent=12.5)
    later = viewer.get("agents", If_None_Match=tag)
    assert later.status_code == 200
    assert later["ETag"] != tag


def test_what_happened_to_an_agent_is_read_newest_first(
    make_agent: MakeAgent, viewer: Program
) -> None:
    agent = make_agent("web")
    for _ in range(3):
        end_of(run_of(agent), Status.CRASHED, 3, "it exited with 3")
    lifecycle.ask(Action.START, [agent.pk], Asker("bob", "test"))
    runs = walked(viewer, "agents/web/runs")
    assert [one["number"] for one in runs] == [3, 2, 1]
    assert runs[0]["exit_code"] == 3
    history = walked(viewer, "agents/web/history")
    assert [(one["from"], one["to"]) for one in history[:2]] == [
        ("running", "crashed"),
        ("starting", "running"),
    ]
    assert len(history) == 9
    (asked,) = walked(viewer, "agents/web/requests")
    assert (asked["action"], asked["actor"], asked["outcome"]) == (
        "start",
        "bob",
        "open",
    )
    assert viewer.get("agents/web/status").json()["status"] == "crashed"
    for path in ("runs", "history", "requests", "status"):
        assert viewer.get(f"agents/nobody/{path}").status_code == 404


def test_a_run_reads_its_own_agent_and_no_list(
    make_agent: MakeAgent, stranger: Program
) -> None:
    make_agent("other")
    own = with_token(run_of(make_agent("web")))
    for path in ("runs", "history", "requests", "status"):
        assert own.get(f"agents/web/{path}").status_code == 200
        assert own.get(f"agents/other/{path}").status_code == 403
        assert stranger.get(f"agents/web/{path}").status_code == 401
    assert own.get("agents").status_code == 403
    assert stranger.get("agents").status_code == 401

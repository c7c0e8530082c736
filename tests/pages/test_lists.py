"""The overview and the list: what they say, how they are narrowed, what they cost."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Node, Schedule
from agents.policy.states import Status
from agents.services import schedules
from agents.services.nodes import LEASE
from tests.harness.recorded import passing
from tests.pages.conftest import MakeAgent

LIST = "/agents/"


def names(client: Client, query: str = "") -> list[str]:
    text = client.get(LIST + query).content.decode()
    return re.findall(r'<tr id="agent-row-\d+" data-name="([^"]*)"', text)


def crowd(number: int) -> None:
    """Many agents in all statuses."""
    statuses = [status.value for status in Status]
    Agent.objects.bulk_create(
        Agent(
            name=f"agent-{at:03d}",
            command=["sleep", "9"],
            role="does something",
            labels={"team": f"t{at % 5}"},
            status=statuses[at % len(statuses)],
            samples=[[1.0, 1.0]] * 60,
        )
        for at in range(number)
    )


# The list


def test_a_row_says_how_the_agent_is(as_vera: Client, make_agent: MakeAgent) -> None:
    agent = make_agent(
        "web",
        status="crashed",
        status_reason="exited with 1; gave up after 5 restarts",
        restart_count=2,
        restarts_total=9,
        labels={"team": "search"},
        cpu_percent=12.34,
        rss_bytes=64 * 1024 * 1024,
        pid=4242,
        conditions=[{"type": "disk_full", "since": "", "reason": "/ is full"}],
    )
    text = as_vera.get(LIST).content.decode()
    row = text[text.index(f'<tr id="agent-row-{agent.pk}"') :]
    row = row[: row.index("</tr>")]
    assert 'data-name="web" data-status="crashed"' in row
    assert '<span class="status" data-status="crashed">' in row
    for word in ("Crashed", "exited with 1", "team=search", "12 %", "64 MB", "4242"):
        assert word in row
    for word in ("disk full", "9 in all", 'datetime="', "/agents/web/"):
        assert word in row


def test_search_looks_at_name_role_label_and_reason(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("alpha", role="Reviews pull requests")
    make_agent("beta", labels={"team": "search"})
    make_agent("gamma", status_reason="exited with 7")
    assert names(as_vera, "?q=ALPH") == ["alpha"]
    assert names(as_vera, "?q=reviews+pull") == ["alpha"]
    assert names(as_vera, "?q=search") == ["beta"]
    assert names(as_vera, "?q=with+7") == ["gamma"]
    assert names(as_vera, "?q=nothing") == []


def test_filters_by_status_kind_and_label(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("alpha", status="running", labels={"team": "search"})
    make_agent("beta", status="crashed", labels={"team": "core", "a/b.c": "1"})
    make_agent("gamma", kind="native_llm")
    assert names(as_vera, "?status=crashed") == ["beta"]
    assert names(as_vera, "?kind=native_llm") == ["gamma"]
    assert names(as_vera, "?label=team=search") == ["alpha"]
    assert names(as_vera, "?label=a/b.c=1") == ["beta"]
    assert names(as_vera, "?status=running&label=team=core") == []
    assert names(as_vera, "?status=attention") == ["beta"]


def test_unknown_words_in_the_address_are_ignored(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("alpha")
    for query in ("?sort=rm&status=x&kind=y&page=zero", "?page=99", "?page=-1"):
        assert names(as_vera, query) == ["alpha"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", ["alpha", "beta", "gamma"]),
        ("-name", ["gamma", "beta", "alpha"]),
        ("status", ["gamma", "alpha", "beta"]),
        ("-cpu", ["alpha", "gamma", "beta"]),
        ("cpu", ["gamma", "alpha", "beta"]),
        ("-restarts", ["beta", "alpha", "gamma"]),
    ],
)
def test_sorting_puts_what_has_no_value_last(
    as_vera: Client, make_agent: MakeAgent, sort: str, expected: list[str]
) -> None:
    make_agent("alpha", status="running", cpu_percent=90.0, restarts_total=1)
    make_agent("beta", status="stopped", restarts_total=4)
    make_agent("gamma", status="crashed", cpu_percent=1.0)
    assert names(as_vera, f"?sort={sort}") == expected


def test_the_sorted_column_says_so_and_turns_around(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("alpha")
    text = as_vera.get(LIST + "?sort=-cpu").content.decode()
    assert re.search(r'class="cpu" aria-sort="descending"><a href="\?sort=cpu"', text)
    assert text.count("aria-sort=") == 1


def test_a_page_has_a_hundred_agents(as_vera: Client) -> None:
    crowd(205)
    assert len(names(as_vera)) == 100
    assert names(as_vera, "?page=3") == [f"agent-{at}" for at in range(200, 205)]
    text = as_vera.get(LIST + "?page=2&sort=-name").content.decode()
    assert 'href="?sort=-name"' in text
    assert 'href="?sort=-name&amp;page=3"' in text
    assert "101 to 200 of 205" in text


def test_htmx_gets_the_list_alone_and_its_address(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("alpha")
    response = as_vera.get(
        LIST + "?q=alp&kind=&label=",
        headers={"HX-Request": "true", "HX-Target": "agent-list"},
    )
    text = response.content.decode()
    assert text.lstrip().startswith('<div id="agent-list"')
    assert "<html" not in text
    assert response["HX-Push-Url"] == "/agents/?q=alp"
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("address", ["/agents/", "/"])
def test_five_hundred_agents_cost_few_queries_and_little_time(
    as_bob: Client, address: str
) -> None:
    crowd(500)
    as_bob.get(address)  # Templates are compiled once.
    begun = time.perf_counter()
    with CaptureQueriesContext(connection) as queries:
        response = as_bob.get(address)
    taken = time.perf_counter() - begun
    assert response.status_code == 200
    assert len(queries) <= 17, [query["sql"][:90] for query in queries]
    assert taken < 1.5
    if address == "/":
        assert response.content.count(b'id="agent-tile-') == 500


# The overview


def overview(client: Client) -> str:
    return client.get("/").content.decode()


def test_the_overview_counts_by_status(as_vera: Client, make_agent: MakeAgent) -> None:
    make_agent("one", status="running")
    make_agent("two", status="running")
    make_agent("three", status="crashed")
    text = overview(as_vera)
    assert re.search(r'class="big">2</span> of 3 agents running', text)
    assert re.search(r'status=crashed"[^>]*><span class="number">1</span>', text)
    assert re.search(r'status=unknown"[^>]*><span class="number">0</span>', text)


def test_the_overview_shows_who_needs_a_person_and_why(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("calm", status="running")
    crashed = make_agent("broken", status="crashed", status_reason="exited with 9")
    waiting = make_agent("flapping", status="backoff", status_reason="restart 2 of 5")
    odd = make_agent(
        "full",
        status="running",
        conditions=[{"type": "disk_full", "since": "bad", "reason": "/ is full"}],
    )
    text = overview(as_bob)
    problems = re.findall(r'<li id="problem-(\d+)"', text)
    assert [int(one) for one in problems] == [crashed.pk, waiting.pk, odd.pk]
    section = text[text.index('id="attention"') :]
    for word in ("exited with 9", "restart 2 of 5", "disk full", "/ is full"):
        assert word in section
    assert 'formaction="/agents/broken/start"' in section
    assert "Start now" in section


def test_the_overview_is_calm_when_nobody_needs_anything(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("calm", status="running")
    assert "Nobody. No agent has crashed" in overview(as_vera)


def test_the_overview_says_what_happened_lately(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    agent = make_agent("web")
    passing(agent.pk, Status.STARTING, "start asked by bob")
    text = overview(as_vera)
    assert "start asked by bob" in text[text.index('id="lately"') :]


def test_without_agents_the_overview_says_how_to_begin(
    as_alice: Client, as_bob: Client
) -> None:
    assert "Set up the first agent" in overview(as_alice)
    assert "ask an administrator" in overview(as_bob)


def test_every_page_says_when_nobody_supervises(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("web")
    pages = ("/", LIST, "/agents/web/")
    for page in pages:
        assert "No supervisor is running" in as_vera.get(page).content.decode()
    Node.objects.create(name="local", epoch=1, lease=timezone.now() + LEASE)
    for page in pages:
        assert "No supervisor is running" not in as_vera.get(page).content.decode()


def test_what_people_wrote_is_escaped_everywhere(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    nasty: Any = "<script>alert(1)</script>"
    make_agent(
        "web",
        role=nasty,
        status="crashed",
        status_reason=nasty,
        labels={"x": nasty},
        command=[nasty],
        env={"A": nasty},
        conditions=[{"type": nasty, "since": "", "reason": nasty}],
    )
    for page in ("/", LIST, LIST + "?q=%3Cscript%3E", "/agents/web/"):
        text = as_bob.get(page).content.decode()
        assert "&lt;script&gt;alert" in text
        assert "<script>alert" not in text


def test_the_overview_tells_which_schedules_come_next(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    make_agent("web")
    assert 'id="schedules"' in as_vera.get("/").content.decode()
    schedule = Schedule(name="morning", cron="30 6 * * *", names=["web"])
    schedules.save(schedule)
    text = as_vera.get("/").content.decode()
    panel = text[text.index('id="schedules"') :]
    panel = panel[: panel.index("</section>")]
    assert "<b>morning</b> start web" in panel
    assert "06:30:00 UTC" in panel
    assert 'href="/agents/agenthub-cluster/"' in panel
    assert text.count("agent-tile-") == 1


def test_nobody_steers_the_hubs_own_cluster(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web")
    schedules.save(Schedule(name="morning", cron="30 6 * * *", names=["web"]))
    page = as_bob.get("/agents/agenthub-cluster/")
    assert page.status_code == 200
    assert "Part of the hub" in page.content.decode()
    assert "agenthub-cluster/stop" not in page.content.decode()
    assert as_bob.post("/agents/agenthub-cluster/stop").status_code == 404
    form = {"action": "start", "names": ["agenthub-cluster"]}
    as_bob.post("/agents/batch", form)
    assert Agent.every.get(internal=True).generation == 1

"""One agent's page: what is known, how it is known, and what it wrote."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Run
from agents.policy.states import Action, Status
from agents.services import lifecycle
from agents.services.lifecycle import Asker
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, Write

PAGE = "/agents/web/"


@pytest.fixture
def web(make_agent: MakeAgent) -> Agent:
    return make_agent("web")


@pytest.fixture
def run(web: Agent) -> Run:
    return run_of(web)


def page(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return response.content.decode()


def part(text: str, begin: str, end: str) -> str:
    text = text[text.index(begin) :]
    return text[: text.index(end)]


def status_of(text: str) -> str:
    return part(text, 'id="agent-status"', "</section>")


def enabled(text: str) -> set[str]:
    bar = part(text, 'id="agent-actions"', "</div>")
    buttons = re.findall(r"<button[^>]*>", bar)
    assert len(buttons) == 4
    return {
        found[1]
        for button in buttons
        if "aria-disabled" not in button
        and (found := re.search(r'name="action" value="(\w+)"', button))
    }


def test_the_status_says_since_when_why_and_how_it_is_known(
    as_vera: Client, web: Agent, run: Run
) -> None:
    lifecycle.ask(Action.STOP, [web.pk], Asker("bob", "page"))
    text = status_of(page(as_vera))
    for word in ("Running", "the program was executed", "test", "PID 4242"):
        assert word in text
    assert "stop asked by bob" in text
    assert re.search(r'<time data-for datetime="\d{4}-\d\d-\d\dT[^"]+Z"', text)


def test_conditions_and_an_older_set_up_are_shown(
    as_vera: Client, web: Agent, run: Run
) -> None:
    since = timezone.now().isoformat()
    conditions = [{"type": "unkillable", "since": since, "reason": "in state D"}]
    Agent.objects.filter(pk=web.pk).update(
        revision=3, launch_revision=3, conditions=conditions
    )
    text = status_of(page(as_vera))
    assert "Runs older set-up" in text
    assert "revision 1, and the set-up is at revision 3" in text
    assert "Unkillable" in text
    assert "in state D" in text


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("stopped", {"start"}),
        ("running", {"stop", "restart", "kill"}),
        ("stopping", {"start", "kill"}),
        ("crashed", {"start", "stop"}),
        ("backoff", {"start", "stop"}),
        ("unknown", {"stop", "restart", "kill"}),
    ],
)
def test_only_what_makes_sense_is_enabled(
    as_bob: Client, make_agent: MakeAgent, status: str, expected: set[str]
) -> None:
    make_agent("web", status=status)
    assert enabled(page(as_bob)) == expected


def test_the_set_up_is_shown_without_its_secrets(
    as_alice: Client, make_agent: MakeAgent
) -> None:
    make_agent(
        "web",
        command=["claude", "-p", "review it"],
        cwd="/tmp",
        env={"API_TOKEN": "hunter2", "LEVEL": "info"},
        auto_restart="on_failure",
        max_restarts=3,
    )
    text = page(as_alice)
    assert "claude -p &#x27;review it&#x27;" in text
    assert "LEVEL=info" in text
    assert "API_TOKEN=••••••" in text
    assert "hunter2" not in text
    assert "after a failure, at most 3 times within 10 min" in text


def test_runs_history_and_requests_are_listed(
    as_vera: Client, web: Agent, run: Run
) -> None:
    lifecycle.ask(Action.RESTART, [web.pk], Asker("bob", "page", reason="new model"))
    end_of(run, Status.CRASHED, 7, "exited with 7")
    text = page(as_vera)
    runs = part(text, 'id="agent-runs"', "</section>")
    assert 'id="run-1" data-failed' in runs
    assert "exited with 7" in runs
    history = part(text, 'id="agent-history"', "</section>")
    order = re.findall(r'<li id="change-\d+" data-status="(\w+)"', history)
    assert order == ["crashed", "running", "starting"]
    requests = part(text, 'id="agent-requests"', "</section>")
    assert "Restart" in requests
    assert "new model" in requests


def test_the_curves_are_drawn_on_the_server(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    samples = [[at * 2.0, 50e6 + at] for at in range(60)]
    make_agent("web", status="running", cpu_percent=118.0, samples=samples)
    text = part(page(as_vera), 'id="agent-figures"', "</section>")
    assert text.count("<svg") == 2
    assert "CPU lately, at most 118 %" in text
    assert text.count(",") > 200


def test_the_page_costs_few_queries(as_vera: Client, web: Agent) -> None:
    for _ in range(12):
        end_of(run_of(web), Status.CRASHED, 1, "exited with 1")
    with CaptureQueriesContext(connection) as queries:
        page(as_vera)
    assert len(queries) <= 16, [query["sql"][:90] for query in queries]


# Output


def test_output_is_shown_with_errors_marked_and_escaped(
    as_vera: Client, run: Run, write: Write
) -> None:
    write(run, "out", b"hello\n<script>alert(1)</script>\n")
    write(run, "err", b"\x1b[31mbad\x1b[0m\n")
    text = part(page(as_vera), 'id="output-lines"', "</section>")
    assert '<div class="line out">hello</div>' in text
    assert '<div class="line out">&lt;script&gt;alert(1)&lt;/script&gt;</div>' in text
    assert '<div class="line err"><span class="a-red">bad</span></div>' in text
    assert "<script>" not in text


def test_the_page_says_where_it_goes_on(
    as_vera: Client, run: Run, write: Write
) -> None:
    write(run, "out", b"done\nhalf")
    text = page(as_vera)
    assert '<div id="output-partial-out" class="line out partial">half</div>' in text
    assert 'id="output-cursor" hidden data-run="1" data-out="5" data-err="0"' in text


def test_only_the_end_of_long_output_is_shown(
    as_vera: Client, run: Run, write: Write
) -> None:
    write(run, "out", b"".join(b"line %d\n" % at for at in range(50_000)))
    text = page(as_vera)
    shown = re.findall(r'<div class="line out">line (\d+)</div>', text)
    assert shown == [str(at) for at in range(49_700, 50_000)]
    assert "of earlier lines" in text
    assert "/agents/web/output/1/out" in text


def test_an_earlier_run_is_shown_as_such_and_does_not_follow(
    as_vera: Client, web: Agent, run: Run, write: Write
) -> None:
    write(run, "out", b"the first\n")
    end_of(run, Status.CRASHED, 1, "exited with 1")
    write(run_of(web), "out", b"the second\n")
    text = page(as_vera, "?run=1")
    assert "the first" in text
    assert "the second" not in text
    assert "This is run 1" in text
    assert "logs:web" not in text
    assert "the second" in page(as_vera)
    assert as_vera.get(PAGE + "?run=99").status_code == 404


def test_search_goes_over_the_whole_file(
    as_vera: Client, run: Run, write: Write
) -> None:
    write(run, "out", b"first\nthe <needle> here\n" + b"hay\n" * 60_000)
    write(run, "err", b"another Needle\n")
    response = as_vera.get(PAGE + "search/?q=NEEDLE", headers={"HX-Request": "true"})
    text = response.content.decode()
    assert "<html" not in text
    assert "the &lt;<mark>needle</mark>&gt; here" in text
    assert "another <mark>Needle</mark>" in text
    assert "hay" not in text
    assert "<mark>needle</mark>" in page(as_vera, "?q=needle")


class TestDownload:
    """A stream is served by the server's loop, so it is read as one."""

    @pytest.mark.django_db(transaction=True)
    def test_a_download_is_the_bytes_as_written(
        self, vera: User, make_agent: MakeAgent, write: Write
    ) -> None:
        run = run_of(make_agent("web"))
        written = b"\x1b[31mraw\x00\xff\n" * 100_000
        write(run, "out", written)

        async def fetch() -> tuple[bytes, str]:
            client = AsyncClient()
            await client.aforce_login(vera)
            response: Any = await client.get("/agents/web/output/1/out")
            assert response.status_code == 200
            parts = [part async for part in response.streaming_content]
            return b"".join(parts), response["Content-Disposition"]

        data, disposition = asyncio.run(fetch())
        assert data == written
        assert disposition == 'attachment; filename="web-1.out"'

    def test_there_are_only_two_streams_of_known_runs(
        self, as_vera: Client, run: Run
    ) -> None:
        for address in ("output/1/exit", "output/2/out", "output/1/..%2Fout"):
            assert as_vera.get(PAGE + address).status_code == 404


def test_an_agent_that_never_ran_says_so(as_vera: Client, web: Agent) -> None:
    text = page(as_vera)
    assert "It has not run yet." in text
    assert "It has never run." in text
    assert 'id="output-cursor" hidden data-run="0"' in text


def test_a_next_start_is_told_while_it_waits(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    retry = timezone.now() + timedelta(seconds=30)
    make_agent("web", status="backoff", retry_at=retry)
    assert "Next start" in status_of(page(as_vera))


def test_no_page_has_anything_inline(as_bob: Client, run: Run, client: Client) -> None:
    pages = ["/", "/agents/", PAGE, "/agents/?q=nothing", "/nowhere"]
    texts = [as_bob.get(one).content.decode() for one in pages]
    texts.append(client.get("/sign-in/").content.decode())
    for text in texts:
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)
        assert "javascript:" not in text
    policy = as_bob.get("/")["Content-Security-Policy"]
    assert "unsafe" not in policy


def test_the_scripts_and_styles_are_there() -> None:
    static = Path(__file__).resolve().parents[2] / "agents" / "static" / "agents"
    for name in ("app.css", "live.js", "page.js", "icon.svg"):
        assert (static / name).is_file()


def test_what_it_depends_on_and_who_needs_it_are_links(
    as_vera: Client, web: Agent, make_agent: MakeAgent
) -> None:
    make_agent("store")
    make_agent("api", depends_on=[{"agent": "web", "condition": "started"}])
    needs = [{"agent": "store", "condition": "healthy"}]
    Agent.objects.filter(pk=web.pk).update(depends_on=needs)
    text = page(as_vera)
    on = part(text, "<dt>Depends on</dt>", "</div>")
    assert '<a href="/agents/store/">store</a>' in on
    assert "healthy" in on
    assert '<a href="/agents/api/">api</a>' in part(
        text, "<dt>Needed by</dt>", "</div>"
    )

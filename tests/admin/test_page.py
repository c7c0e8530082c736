"""An agent's page: what is seen of it, its latest runs and changes, the way out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, StatusChange
from tests.admin.conftest import MakeAgent, SignIn, make_run
from tests.admin.pages import decoded, form_values, page_of, text_of
from tests.harness.people import make_person


def with_history(agent: Agent, rows: int) -> None:
    now = timezone.now()
    for n in range(rows):
        run = make_run(
            agent,
            number=n + 2,
            pid=None,
            start_ticks=None,
            created_at=now - timedelta(hours=1, seconds=n),
            ended_at=now,
            exit_code=7,
            reason=f"the end of run {n + 2}",
        )
        StatusChange.objects.create(
            agent=agent,
            agent_name=agent.name,
            from_status="running",
            to_status="backoff",
            reason=f"change {n + 1}!",
            source="pidfd",
            run=run,
            at=now,
        )


def test_what_is_seen_stands_on_top(
    vera: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_running(
        status_reason="started by alice",
        status_source="pidfd",
        generation=2,
        wanted_action="restart",
        wanted_by="bob",
        processes=3,
        cpu_percent=5.0,
        rss_bytes=1024 * 1024,
        restart_count=2,
        restarts_total=7,
        conditions=[
            {
                "type": "unkillable",
                "since": "2026-01-02T03:04:05Z",
                "reason": "a process in D state",
            }
        ],
    )
    page = text_of(sign_in(vera).get(page_of(agent)))
    for said in (
        "hub-badge--running",
        "started by alice",
        "pidfd",
        "restart asked by bob, not settled yet",
        "4242",
        "3 processes",
        "2 since the last start (limit: 5), 7 in all",
        "unkillable",
        "a process in D state",
    ):
        assert said in page, said


def test_the_latest_runs_and_changes_are_shown_and_no_more(
    archivist: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    agent = make_running()
    with_history(agent, 25)
    page = text_of(sign_in(archivist).get(page_of(agent)))
    assert "the end of run 2<" in page
    assert "the end of run 20<" in page
    assert "the end of run 21<" not in page
    assert "change 25!" in page
    assert "change 6!" in page
    assert "change 5!" not in page
    assert f"/admin/agents/run/{agent.run_id}/change/" in page


def test_the_page_costs_the_same_for_any_length_of_history(
    archivist: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    client, agent = sign_in(archivist), make_running()
    with_history(agent, 1)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(page_of(agent)))
        return len(queries)

    cost()
    few = cost()
    with_history_of_another = 24
    for run in agent.runs.filter(number__gt=1):
        run.delete()
    with_history(agent, with_history_of_another)
    assert cost() == few
    assert few <= 15


def test_a_form_can_be_saved_while_runs_come_and_go(
    make_running: MakeAgent, sign_in: SignIn
) -> None:
    person = make_person(
        "dora", "view_agent", "configure_agent", "view_run", "view_statuschange"
    )
    client, agent = sign_in(person), make_running()
    with_history(agent, 3)
    values: dict[str, Any] = form_values(client.get(page_of(agent)))
    agent.runs.filter(number__gt=1).delete()
    forged = {"runs-0-reason": "forged", "status_changes-0-reason": "forged"}
    response = client.post(page_of(agent), values | forged | {"role": "changed"})
    assert response.status_code == 302
    agent.refresh_from_db()
    assert agent.role == "changed"
    assert not agent.runs.filter(reason="forged").exists()
    assert not agent.status_changes.filter(reason="forged").exists()


def test_view_on_site_leads_to_the_live_page(
    vera: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    client, agent = sign_in(vera), make_agent()
    page = client.get(page_of(agent))
    assert "View on site" in text_of(page)
    response = client.get(page.context["absolute_url"])
    assert response["Location"].endswith(agent.get_absolute_url())


def test_buttons_that_make_no_sense_now_are_quiet(
    bob: User, make_running: MakeAgent, sign_in: SignIn
) -> None:
    page = decoded(sign_in(bob).get(page_of(make_running())))
    assert "hub-ask__button--start hub-ask__button--quiet" in page
    assert "hub-ask__button--stop hub-ask__button--quiet" not in page

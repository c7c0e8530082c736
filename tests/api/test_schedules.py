"""Schedules through the API: who writes them, what is refused, what is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.utils import timezone
from django_q.models import Schedule as DueTime

from agents.models import Agent, Run, Schedule
from agents.policy.setup import CLUSTER_NAME
from agents.services import schedules
from tests.api.conftest import Program
from tests.api.test_agent_lists import walked
from tests.api.test_callers import with_token
from tests.api.test_setups import clerk, fields, running
from tests.harness.spending import thinker
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["clerk", "make_agent"]

NEW = {"name": "evening", "action": "stop", "names": ["web"], "cron": "0 22 * * *"}


@pytest.fixture
def morning(make_agent: MakeAgent) -> Schedule:
    make_agent("web")
    one = Schedule(name="morning", cron="30 6 * * mon-fri", names=["web"])
    schedules.save(one)
    return one


def lines() -> list[tuple[int, str, str]]:
    found = LogEntry.objects.filter(content_type__model="schedule").order_by("pk")
    return list(found.values_list("action_flag", "object_repr", "change_message"))


def change(one: Program, body: Any, name: str = "morning") -> Any:
    return one.call("PATCH", f"schedules/{name}", body)


def test_a_schedule_is_made_and_its_times_are_kept(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    answer = configurer.post("schedules", {**NEW, "cron": " 0  22 * * * "})
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == "/api/v1/schedules/evening"
    told = answer.json()
    assert told == configurer.get("schedules/evening").json()
    assert (told["action"], told["names"], told["cron"], told["enabled"]) == (
        "stop",
        ["web"],
        "0 22 * * *",
        True,
    )
    assert told["next_at"].endswith("T22:00:00Z")
    assert (told["created_by"], told["last_at"], told["last_ok"]) == (
        "alice",
        None,
        None,
    )
    assert DueTime.objects.get().cron == "0 22 * * *"
    assert Agent.every.get(name=CLUSTER_NAME).desired_state == "running"
    assert lines() == [(ADDITION, "evening", "Made by the token 'configure'.")]


def test_a_repeated_request_makes_one_schedule(
    make_agent: MakeAgent, configurer: Program
) -> None:
    make_agent("web")
    first = configurer.post("schedules", NEW, Idempotency_Key="k")
    again = configurer.post("schedules", NEW, Idempotency_Key="k")
    assert (first.status_code, first.content) == (201, again.content)
    assert len(lines()) == 1


def test_a_schedule_asks_for_work(configurer: Program) -> None:
    thinker("writer")
    body = {
        "name": "review",
        "action": "ask",
        "names": ["writer"],
        "cron": "0 18 * * *",
        "prompt": "Look at what has changed.",
        "paths": ["docs/**"],
        "timeout": 60,
    }
    answer = configurer.post("schedules", body)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["timeout"], answer.json()["max_attempts"]) == (60.0, 3)


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({"name": "batch"}, "name", "reserved"),
        ({"name": "morning"}, "name", "already exists"),
        ({"name": "a b"}, "name", "letters, digits"),
        ({"cron": "daily"}, "cron", "Give five parts"),
        ({"cron": "61 * * * *"}, "cron", "cannot stand for the minute"),
        ({"cron": None}, "cron", "string"),
        ({"names": ["nobody"]}, "names", "no agent"),
        ({"names": []}, "names", "choose them by label"),
        ({"labels": {"a": "b"}}, "names", "not by both"),
        ({"names": "web"}, "names", "list"),
        ({"action": "kill"}, "action", "start"),
        ({"action": "ask"}, "prompt", "needs a prompt"),
        ({"action": "ask", "prompt": "Go."}, "names", "program"),
        ({"prompt": "Go."}, "prompt", "Only a task has this"),
        ({"priority": 5}, "priority", "Only a task has this"),
        ({"enabled": "yes"}, "enabled", "boolean"),
        ({"timeout": "60"}, "timeout", "number"),
        ({"last_ok": True}, "last_ok", "not permitted"),
    ],
)
def test_what_cannot_work_is_refused_with_its_key(
    keys: dict[str, Any],
    field: str,
    words: str,
    morning: Schedule,
    configurer: Program,
) -> None:
    answer = configurer.post("schedules", {**NEW, **keys})
    assert answer.status_code == 422, answer.content
    assert words in fields(answer)[field]
    assert Schedule.objects.count() == 1
    assert lines() == []


def test_what_is_left_out_of_a_change_stays(
    morning: Schedule, configurer: Program
) -> None:
    answer = change(configurer, {"name": "early", "cron": "0 5 * * *"})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["name"], told["cron"], told["names"]) == (
        "early",
        "0 5 * * *",
        ["web"],
    )
    assert lines() == [
        (CHANGE, "early", "Changed name and cron by the token 'configure'.")
    ]
    assert configurer.get("schedules/morning").status_code == 404
    off = change(configurer, {"enabled": False}, "early").json()
    assert off["next_at"] is None
    assert not DueTime.objects.exists()
    assert Agent.every.get(name=CLUSTER_NAME).desired_state == "stopped"
    change(configurer, {"enabled": False}, "early")
    assert len(lines()) == 2


def test_by_name_becomes_by_label_in_one_change(
    morning: Schedule, configurer: Program
) -> None:
    answer = change(configurer, {"names": [], "labels": {"team": "a"}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["labels"] == {"team": "a"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"cron": "x"}, "cron"),
        ({"names": []}, "names"),
        ({"names": None}, "names"),
        ({"enabled": None}, "enabled"),
        ({"action": "ask"}, "prompt"),
        ({"when": "now"}, "when"),
    ],
)
def test_a_change_that_cannot_work_changes_nothing(
    body: Any, field: str, morning: Schedule, configurer: Program
) -> None:
    before = configurer.get("schedules/morning").json()
    answer = change(configurer, body)
    assert answer.status_code == 422, answer.content
    assert field in fields(answer)
    assert configurer.get("schedules/morning").json() == before


def test_what_came_of_its_latest_time_is_told(
    morning: Schedule, viewer: Program
) -> None:
    schedules.fire(morning.pk, timezone.now().isoformat())
    told = viewer.get("schedules/morning").json()
    assert told["last_ok"] is False
    assert "no supervisor was running" in told["last_outcome"]


def test_a_deleted_schedule_keeps_no_times(
    morning: Schedule, configurer: Program
) -> None:
    answer = configurer.call("DELETE", "schedules/morning")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not DueTime.objects.exists()
    assert lines() == [(DELETION, "morning", "Deleted by the token 'configure'.")]
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        gone = configurer.call(method, "schedules/morning", body)
        assert gone.status_code == 404, method


def test_who_may_look_reads_and_who_may_configure_writes(
    morning: Schedule,
    viewer: Program,
    operator: Program,
    clerk: Program,
    stranger: Program,
) -> None:
    web = running(Agent.objects.get())
    run = with_token(Run.objects.get(agent=web))
    for one, reads, writes in (
        (viewer, 200, 403),
        (operator, 200, 403),
        (run, 403, 403),
        (stranger, 401, 401),
    ):
        for path in ("schedules", "schedules/morning"):
            assert one.get(path).status_code == reads
        assert one.post("schedules", NEW).status_code == writes
        assert change(one, {"enabled": False}).status_code == writes
        assert one.call("DELETE", "schedules/morning").status_code == writes
    # As in the admin: a schedule says what is asked, not what is run.
    assert clerk.post("schedules", NEW).status_code == 201
    assert change(clerk, {"enabled": False}).status_code == 200
    assert clerk.call("DELETE", "schedules/morning").status_code == 204


def test_the_list_is_read_in_pages_and_not_sent_twice(
    morning: Schedule, viewer: Program
) -> None:
    for name in ("c", "a", "b"):
        schedules.save(Schedule(name=name, cron="0 4 * * *", names=["web"]))
    items = walked(viewer, "schedules")
    assert [one["name"] for one in items] == ["a", "b", "c", "morning"]
    tag = viewer.get("schedules")["ETag"]
    assert viewer.get("schedules", If_None_Match=tag).status_code == 304

"""Schedules in the admin: who may write them, what is refused, what is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django_q.models import Schedule as DueTime

from agents.models import Agent, Schedule
from agents.services import schedules
from tests.admin.conftest import MakeAgent, SignIn
from tests.admin.pages import errors_of, messages_of, text_of
from tests.harness.spending import spend, thinker

LIST = "/admin/agents/schedule/"


@pytest.fixture
def schedule(make_agent: MakeAgent) -> Schedule:
    make_agent("worker")
    one = Schedule(name="morning", cron="30 6 * * mon-fri", names=["worker"])
    schedules.save(one)
    return one


def page_of(schedule: Schedule) -> str:
    return f"{LIST}{schedule.pk}/change/"


def post(client: Client, address: str, **values: str) -> Any:
    given = {
        "name": "evening",
        "action": "stop",
        "names": "worker",
        "labels": "",
        "cron": "0 22 * * *",
        "enabled": "on",
    }
    return client.post(address, given | values, follow=True)


def test_who_configures_adds_changes_and_deletes_and_it_is_in_the_log(
    alice: User, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    make_agent("worker")
    client = sign_in(alice)
    post(client, f"{LIST}add/")
    one = Schedule.objects.get()
    assert (one.name, one.action, one.names) == ("evening", "stop", ["worker"])
    assert one.created_by == "alice"
    assert DueTime.objects.get().cron == "0 22 * * *"
    post(client, page_of(one), cron=" 0  23 * * * ")
    assert DueTime.objects.get().cron == "0 23 * * *"
    post(client, f"{LIST}{one.pk}/delete/", post="yes")
    assert not (Schedule.objects.exists() or DueTime.objects.exists())
    flags = LogEntry.objects.order_by("pk").values_list("action_flag", flat=True)
    assert list(flags) == [ADDITION, CHANGE, DELETION]


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_operates_or_looks_reads_and_writes_nothing(
    request: pytest.FixtureRequest, name: str, schedule: Schedule, sign_in: SignIn
) -> None:
    client = sign_in(request.getfixturevalue(name))
    assert "morning" in text_of(client.get(LIST))
    page = text_of(client.get(page_of(schedule)))
    assert "30 6 * * mon-fri" in page
    assert 'name="cron"' not in page
    for address in (f"{LIST}add/", page_of(schedule), f"{LIST}{schedule.pk}/delete/"):
        assert post(client, address, post="yes").status_code == 403
    action = {"action": "delete_selected", "_selected_action": str(schedule.pk)}
    client.post(LIST, {**action, "post": "yes"})
    assert Schedule.objects.get().cron == "30 6 * * mon-fri"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cron", "61 * * * *", "'61' cannot stand for the minute."),
        ("cron", "daily", "Give five parts"),
        ("names", "wroker", "Did you mean 'worker'?"),
        ("names", "", "Name agents, or choose them by label."),
        ("labels", "team=a", "by name or by label"),
        ("labels", "team", "has no '='"),
        ("name", "a b", "A name has 1 to 63"),
        ("action", "kill", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    alice: User,
    schedule: Schedule,
    sign_in: SignIn,
    field: str,
    value: str,
    message: str,
) -> None:
    response = post(sign_in(alice), f"{LIST}add/", **{field: value})
    errors = errors_of(response)
    assert message in " ".join(text for texts in errors.values() for text in texts)
    assert Schedule.objects.count() == 1


def asking(client: Client, address: str = f"{LIST}add/", **values: str) -> Any:
    given = {"action": "ask", "names": "thinker", "prompt": "Review.\r\nAnd tidy."}
    return post(client, address, **(given | values))


def test_who_configures_has_agents_asked_for_work(alice: User, sign_in: SignIn) -> None:
    thinker()
    given = {"paths": "docs/**, src/*.py", "priority": "5", "timeout": "90"}
    asking(sign_in(alice), **given, max_attempts="")
    one = Schedule.objects.get()
    assert (one.action, one.prompt) == ("ask", "Review.\nAnd tidy.")
    assert (one.paths, one.priority) == (["docs/**", "src/*.py"], 5)
    assert (one.timeout, one.max_attempts) == (90.0, 3), "left empty, it is the usual"


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_who_operates_or_looks_reads_the_prompt_and_changes_none(
    request: pytest.FixtureRequest, name: str, sign_in: SignIn
) -> None:
    thinker()
    one = Schedule(
        name="review", action="ask", cron="0 18 * * *", names=["thinker"], prompt="See."
    )
    schedules.save(one)
    client = sign_in(request.getfixturevalue(name))
    assert "See." in text_of(client.get(LIST))
    page = text_of(client.get(page_of(one)))
    assert "See." in page
    assert 'name="prompt"' not in page
    assert asking(client).status_code == 403
    assert asking(client, page_of(one), prompt="Delete all.").status_code == 403
    assert Schedule.objects.get().prompt == "See."


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("prompt", " ", "to ask needs a prompt"),
        ("action", "start", "choose the action “Ask”"),
        ("names", "worker", "worker runs a program and takes no tasks"),
        ("timeout", "-1", "more than 0 s"),
        ("max_attempts", "21", "1 to 20 attempts"),
        ("priority", "5000", "between -1000 and 1000"),
        ("paths", "[7]", "a list of globs"),
        ("cron", "daily", "Give five parts"),
    ],
)
def test_what_cannot_be_asked_is_said_beside_its_field(
    alice: User,
    make_agent: MakeAgent,
    sign_in: SignIn,
    field: str,
    value: str,
    message: str,
) -> None:
    thinker()
    make_agent("worker")
    errors = errors_of(asking(sign_in(alice), **{field: value}))
    place = "prompt" if field == "action" else field
    assert message in " ".join(errors[place])
    assert not Schedule.objects.exists()


@pytest.mark.usefixtures("supervised")
def test_a_refusal_is_shown_as_such(vera: User, sign_in: SignIn) -> None:
    agent = thinker(budget={"day": 1})
    spend(agent, "1")
    one = Schedule(
        name="review", action="ask", cron="0 18 * * *", names=["thinker"], prompt="See."
    )
    schedules.save(one)
    schedules.fire(one.pk, timezone.now().isoformat())
    page = text_of(sign_in(vera).get(page_of(one)))
    assert "Nobody asked" in page
    assert "The budget of thinker is $1.00 a day" in page


def test_the_next_five_times_and_what_came_of_the_last_are_shown(
    vera: User, schedule: Schedule, sign_in: SignIn
) -> None:
    at = timezone.now() - timedelta(hours=5)
    schedules.fire(schedule.pk, at.isoformat())
    page = text_of(sign_in(vera).get(page_of(schedule)))
    times = page[page.index("hub-times") :]
    assert times[: times.index("</ol>")].count("06:30:00 UTC") == 5
    assert "missed times are not caught up" in page
    assert "missed" in text_of(sign_in(vera).get(LIST))


def test_without_a_supervisor_it_is_said_that_times_are_not_kept(
    alice: User, schedule: Schedule, sign_in: SignIn
) -> None:
    response = post(sign_in(alice), page_of(schedule), name="morning")
    assert any("No supervisor is running" in text for text in messages_of(response))


def test_many_are_deleted_with_their_times(
    alice: User, schedule: Schedule, sign_in: SignIn
) -> None:
    action = {"action": "delete_selected", "_selected_action": str(schedule.pk)}
    sign_in(alice).post(LIST, {**action, "post": "yes"})
    assert not DueTime.objects.exists()
    assert Agent.every.get(internal=True).desired_state == "stopped"


def test_the_hubs_own_cluster_is_no_agent_of_the_admin(
    root: User, schedule: Schedule, sign_in: SignIn
) -> None:
    client = sign_in(root)
    own = Agent.every.get(internal=True)
    assert own.name not in text_of(client.get("/admin/agents/agent/"))
    response = client.get(f"/admin/agents/agent/{own.pk}/change/", follow=True)
    assert "exist" in messages_of(response)[0]
    requests = text_of(client.get("/admin/agents/request/"))
    assert f'<a href="/agents/{own.name}/">{own.name}</a>' in requests

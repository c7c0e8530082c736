"""Agents from outside at every other door: no button, and words instead of a wish."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Request, Schedule
from agents.policy.states import Action
from agents.services import agent_detail, lifecycle, schedules, setups, transfer
from agents.services.lifecycle import Asker
from tests.harness.outside import registered
from tests.pages.conftest import MakeAgent

ELSEWHERE = "started elsewhere"


@pytest.fixture
def far(bob: User) -> Agent:
    return registered("far", bob, role="review", labels={"a": "b"}).agent


@pytest.fixture(autouse=True)
def nothing_is_asked_of_it(db: None) -> object:
    yield
    assert not Request.objects.filter(agent_name="far").exists()


def test_its_page_has_no_button_and_says_why(as_bob: Client, far: Agent) -> None:
    text = as_bob.get(reverse("agent", args=["far"])).content.decode()
    assert "Started elsewhere" in text
    assert 'value="restart"' not in text
    assert "output-title" not in text


def test_a_run_of_it_that_is_over_is_not_called_failed(bob: User, far: Agent) -> None:
    registered("far", bob)
    detail = agent_detail.detail(far.pk)
    assert detail is not None
    assert [(run.number, run.failed) for run in detail.runs] == [(2, False), (1, False)]


def test_the_list_offers_nothing_to_be_done_with_it(
    as_bob: Client, far: Agent, make_agent: MakeAgent
) -> None:
    make_agent("web")
    text = as_bob.get(reverse("agents")).content.decode()
    assert 'aria-label="Select web"' in text and 'aria-label="Select far"' not in text
    assert "Start web" in text and "Start far" not in text


def test_a_forged_wish_is_refused_in_words(
    as_bob: Client, far: Agent, make_agent: MakeAgent
) -> None:
    make_agent("web")
    url = reverse("agent-action", args=["far", "start"])
    told = as_bob.post(url, follow=True).content.decode()
    assert ELSEWHERE in told
    both = {"action": "start", "names": ["far", "web"], "confirmed": "yes"}
    told = as_bob.post(reverse("agents-batch"), both, follow=True).content.decode()
    assert "1 asked, far started elsewhere and left alone" in told


def test_the_admin_shows_it_and_neither_changes_nor_steers_it(
    as_alice: Client, far: Agent, make_agent: MakeAgent
) -> None:
    page = reverse("admin:agents_agent_change", args=[far.pk])
    text = as_alice.get(page).content.decode()
    assert ELSEWHERE in text and "Save" not in text and "clone=" not in text
    assert as_alice.post(page, {"role": "mine"}).status_code == 403
    url = reverse("admin:agents_agent_ask", args=["stop"])
    form = {"agents": str(far.pk), "post": "yes"}
    assert ELSEWHERE in as_alice.post(url, form, follow=True).content.decode()
    added = as_alice.get(reverse("admin:agents_agent_add") + "?kind=external")
    assert added.status_code == 200
    cloned = as_alice.get(f"{reverse('admin:agents_agent_add')}?clone={far.pk}")
    assert "far-2" not in cloned.content.decode()


def test_the_command_line_says_so_and_leaves_it_out_of_all(
    far: Agent, make_agent: MakeAgent, capsys: pytest.CaptureFixture[str]
) -> None:
    make_agent("web")
    with pytest.raises(SystemExit) as ended:
        call_command("agents", "start", "far", "web")
    assert ended.value.code == 1
    assert ELSEWHERE in capsys.readouterr().err
    assert Request.objects.get().agent_name == "web"


def test_nobody_asks_it_whatever_the_door(far: Agent) -> None:
    assert lifecycle.ask(Action.STOP, [far.pk], Asker("bob", "some new door")) == []


def test_no_schedule_names_it_and_a_label_leaves_it_out(
    far: Agent, make_agent: MakeAgent
) -> None:
    web = make_agent("web", labels={"a": "b"})
    named = Schedule(name="nightly", cron="0 4 * * *", action="stop", names=["far"])
    with pytest.raises(ValidationError, match=ELSEWHERE):
        schedules.save(named)
    labelled = Schedule(name="nightly", cron="0 4 * * *", labels={"a": "b"})
    assert schedules.chosen(labelled) == ([web.pk], [])


def test_nothing_depends_on_it(far: Agent, make_agent: MakeAgent) -> None:
    needs_it = [{"agent": "far", "condition": "started"}]
    web = make_agent("web")
    web.depends_on = needs_it
    with pytest.raises(ValidationError, match=ELSEWHERE):
        setups.save(web)
    item = {"name": "api", "command": ["sleep", "9"], "depends_on": needs_it}
    (problem,) = transfer.make_plan([item]).problems
    assert problem.key == "depends_on" and ELSEWHERE in problem.message


def test_a_file_neither_has_it_nor_makes_one(far: Agent) -> None:
    out = StringIO()
    call_command("agents", "export", stdout=out)
    assert "far" not in out.getvalue()
    made = {"name": "near", "kind": "external"}
    taken = {"name": "far", "command": ["sleep", "9"]}
    for item in (made, taken):
        problems = transfer.make_plan([item]).problems
        assert "kind" in [problem.key for problem in problems]


def test_a_set_up_makes_none(make_agent: MakeAgent) -> None:
    agent = Agent(name="near", kind="external", adapter="external", node="external")
    with pytest.raises(ValidationError, match="registers itself"):
        setups.save(agent)

"""The pages of tasks: the list, one task, and where there is nothing yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Task
from agents.policy.tasks import TaskState
from agents.services import steps, tasks, work
from agents.services.prices import Tokens
from agents.services.transcript import LONGEST, SHOWN
from tests.harness.engine import BOB, Engine, asked, said, thinker
from tests.harness.locking import claimed
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent

pytestmark = pytest.mark.usefixtures("data")


@pytest.fixture
def agent(db: None) -> Agent:
    return thinker()


@pytest.fixture
def task(agent: Agent) -> Task:
    return asked(agent)


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def shown(text: str) -> list[tuple[int, str]]:
    found = re.findall(r'<li id="step-(\d+)" class="step" data-kind="(\w+)"', text)
    return [(int(number), kind) for number, kind in found]


def cursor(text: str) -> dict[str, str]:
    (found,) = re.findall(r'<i id="task-cursor"[^>]*>', text)
    return dict(re.findall(r'data-(\w+)="([^"]*)"', found))


def test_whom_it_waits_for_stands_there_once_with_the_way_to_all_locks(
    as_vera: Client, agent: Agent, data: Path
) -> None:
    agent.workspace = str(data)
    agent.save(update_fields=["workspace"])
    task = asked(agent, paths=["src/"])
    claimed(thinker("other"), "src/a.py", space=str(data))
    work.claim(agent.pk, run_of(agent).pk, 1, str(data))
    text = page(as_vera, task.get_absolute_url())
    status = text[text.index('id="task-status"') : text.index("</section>")]
    assert status.count("other has src/a.py") == 1
    assert '<a href="/locks/">' in status
    assert "<dt>Why</dt>" not in status


def test_a_transcript_that_is_not_kept_any_more_is_no_task_that_never_began(
    as_vera: Client, task: Task
) -> None:
    gone = "Its steps are not kept any more."
    Task.objects.update(state="cancelled", ended_at=timezone.now())
    assert gone not in page(as_vera, task.get_absolute_url())
    Task.objects.update(state="succeeded", started_at=timezone.now())
    assert gone in page(as_vera, task.get_absolute_url())


# The list


def test_the_list_shows_each_task_with_its_state_in_words_icon_and_colour(
    as_vera: Client, task: Task
) -> None:
    text = page(as_vera, reverse("tasks"))
    assert f'id="task-row-{task.pk}"' in text
    assert 'class="status" data-task="queued"' in text
    assert 'href="#i-task-queued"' in text
    assert "What is here?" in text
    assert f'data-topics="tasks" data-known="{task.pk}"' in text


def test_every_state_has_an_icon(as_vera: Client) -> None:
    text = page(as_vera, reverse("tasks"))
    for state in TaskState:
        assert f'<symbol id="i-task-{state}"' in text


def test_the_list_is_filtered_by_state_and_agent(as_vera: Client, agent: Agent) -> None:
    asked(agent, "first")
    asked(thinker("other"), "second")
    tasks.cancel(asked(agent, "third").pk, BOB)
    text = page(as_vera, reverse("tasks") + "?agent=thinker&state=queued")
    assert "first" in text
    assert "second" not in text
    assert "third" not in text
    assert "No task is like this" in page(as_vera, reverse("tasks") + "?state=failed")


def test_without_a_native_agent_the_list_says_how_to_make_one(as_vera: Client) -> None:
    text = page(as_vera, reverse("tasks"))
    assert "kind: native_llm" in text
    assert "agents import" in text


def test_with_one_it_says_whom_to_ask(as_vera: Client, agent: Agent) -> None:
    text = page(as_vera, reverse("tasks"))
    assert f"{reverse('agent', args=['thinker'])}#ask" in text
    assert "kind: native_llm" not in text


# One task


def test_a_queued_task_says_who_asked_and_what_it_waits_for(
    as_vera: Client, task: Task
) -> None:
    text = page(as_vera, task.get_absolute_url())
    assert "by bob" in text
    assert "when the agent is started" in text
    assert "It has not begun" in text
    assert cursor(text) == {"step": "0", "run": "0", "offset": "0", "thinks": "false"}


def test_no_task_is_not_found(as_vera: Client) -> None:
    assert as_vera.get("/tasks/4711/").status_code == 404
    assert as_vera.get("/tasks/4711/steps/1").status_code == 404


def test_the_transcript_is_newest_first_or_oldest_first(
    as_vera: Client, task: Task
) -> None:
    engine = Engine.at_work(task)
    engine.commit(
        said("Let me look", thinking="Hm"), steps.call("c", "run", {"a": "b"})
    )
    engine.commit(steps.result("c", "run", "all of it"), steps.note("asked again"))
    in_order = [(1, "user"), (2, "answer"), (3, "call"), (5, "note")]
    assert shown(page(as_vera, task.get_absolute_url())) == in_order[::-1]
    text = page(as_vera, task.get_absolute_url() + "?order=oldest")
    assert shown(text) == in_order
    assert cursor(text)["step"] == "5"
    assert "all of it" in text
    assert "Hm" in text


def test_the_answer_in_the_making_is_on_the_page_that_opens(
    as_vera: Client, task: Task
) -> None:
    engine = Engine.at_work(task)
    engine.begin()
    engine.think("Hm <b>")
    engine.say("It is & will be")
    text = page(as_vera, task.get_absolute_url())
    assert "Hm &lt;b&gt;</pre>" in text
    assert "It is &amp; will be</pre>" in text
    assert cursor(text) == {
        "step": "1",
        "run": "1",
        "offset": str(engine.file.stat().st_size),
        "thinks": "false",
    }
    engine.commit(said("It is & will be"))
    engine.end(result="It is & will be")
    text = page(as_vera, task.get_absolute_url())
    assert re.search(r'<section id="live-answer"[^>]* hidden', text)
    assert cursor(text)["run"] == "0"


def test_a_file_that_cannot_be_read_hurts_nobody(
    as_vera: Client, task: Task, tmp_path: Path
) -> None:
    engine = Engine.at_work(task)
    engine.file.parent.mkdir(parents=True)
    engine.file.symlink_to("/etc/passwd")
    assert "root:" not in page(as_vera, task.get_absolute_url())


def test_very_many_steps_come_in_pieces(as_vera: Client, task: Task) -> None:
    Engine.at_work(task).commit(*(steps.note(f"note {at}") for at in range(SHOWN)))
    text = page(as_vera, task.get_absolute_url())
    assert len(shown(text)) == SHOWN
    assert "1 earlier step<" in text
    earlier = page(as_vera, task.get_absolute_url() + "?before=2")
    assert shown(earlier) == [(1, "user")]
    # Earlier steps do not change: nothing is followed.
    assert "task-cursor" not in earlier


def test_a_long_step_is_cut_and_to_be_had_as_text(as_vera: Client, task: Task) -> None:
    long = "<script>" + "x" * LONGEST
    Engine.at_work(task).commit(said(long))
    text = page(as_vera, task.get_absolute_url())
    address = reverse("task-step", args=[task.pk, 2])
    assert f'href="{address}"' in text
    whole = as_vera.get(address)
    assert whole.content.decode() == long
    assert whole["Content-Type"] == "text/plain; charset=utf-8"
    assert whole["X-Content-Type-Options"] == "nosniff"


def test_usage_and_an_unknown_cost_are_shown_as_such(
    as_vera: Client, task: Task
) -> None:
    Engine.at_work(task).commit(
        said("a"), tokens=Tokens(1200, output=34), kind="compatible", model="own"
    )
    text = page(as_vera, task.get_absolute_url())
    assert "1,200" in text
    assert "<dt>Cost</dt><dd>unknown</dd>" in text
    assert "$0" not in text


def test_a_result_and_an_error_stand_above_the_transcript(
    as_vera: Client, agent: Agent
) -> None:
    good, bad = asked(agent, "one"), asked(agent, "two")
    Engine.at_work(good).end(result="It is <done>")
    Engine.at_work(bad).end(TaskState.FAILED, error="no <such> model")
    assert "It is &lt;done&gt;" in page(as_vera, good.get_absolute_url())
    text = page(as_vera, bad.get_absolute_url())
    assert "What went wrong" in text
    assert "no &lt;such&gt; model" in text


def test_a_conversation_leads_to_its_other_tasks(as_vera: Client, agent: Agent) -> None:
    first = asked(agent, "one")
    second = asked(agent, "two", follows=first.pk)
    assert second.get_absolute_url() in page(as_vera, first.get_absolute_url())
    assert first.get_absolute_url() in page(as_vera, second.get_absolute_url())


# What a person may do there


def test_only_who_may_operate_sees_buttons_and_forms(
    as_alice: Client, as_bob: Client, as_vera: Client, task: Task
) -> None:
    work.ask_person(Engine.at_work(task).task, "Which of them?")
    for client in (as_alice, as_bob):
        text = page(client, task.get_absolute_url())
        assert f'formaction="{task.get_absolute_url()}cancel"' in text
        assert 'name="text" form="answer-form"' in text
        assert 'name="prompt"' in text
    text = page(as_vera, task.get_absolute_url())
    assert "Which of them?" in text
    for missing in ("/cancel", "answer-form", 'name="prompt"', "/go-on"):
        assert missing not in text


def test_an_interrupted_task_can_go_on(as_bob: Client, task: Task) -> None:
    Engine.at_work(task).end(TaskState.INTERRUPTED, reason="the hub ended")
    text = page(as_bob, task.get_absolute_url())
    assert f'formaction="{task.get_absolute_url()}go-on"' in text
    assert "/cancel" not in text


# The agent's own page


def test_a_native_agents_page_asks_and_shows_its_work(
    as_bob: Client, agent: Agent
) -> None:
    Engine.at_work(asked(agent, "the first"))
    asked(agent, "the next")
    Agent.objects.filter(pk=agent.pk).update(
        activity="working", activity_note="task 1", heartbeat_run=F("run")
    )
    text = page(as_bob, reverse("agent", args=["thinker"]))
    assert f'action="{reverse("agent-ask", args=["thinker"])}"' in text
    assert "the first" in text
    assert "1 waiting" in text
    assert 'data-activity="working"' in text
    assert '<h2 id="output-title">Log</h2>' in text
    assert "Tasks at once" in text


def test_what_means_nothing_for_a_native_agent_is_not_there(
    as_bob: Client, agent: Agent
) -> None:
    text = page(as_bob, reverse("agent", args=["thinker"]))
    for missing in ("agent-figures", "<dt>Command</dt>", "show-err", "download-err"):
        assert missing not in text
    assert "Nothing has been asked of it yet. Say above" in text
    assert "It does not run." in text


def test_a_program_takes_no_tasks(as_bob: Client, make_agent: MakeAgent) -> None:
    make_agent("web")
    text = page(as_bob, reverse("agent", args=["web"]))
    for missing in ("agent-work", 'name="prompt"'):
        assert missing not in text
    assert "agent-figures" in text


def test_a_viewer_sees_the_work_and_no_form(as_vera: Client, agent: Agent) -> None:
    asked(agent, "the first")
    text = page(as_vera, reverse("agent", args=["thinker"]))
    assert "the first" in text
    assert 'name="prompt"' not in text

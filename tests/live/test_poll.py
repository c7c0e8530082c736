"""The socket's stand-in: the same fragments, by HTTP."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from agents.models import Agent
from tests.harness.engine import Engine, asked, said, thinker
from tests.harness.people import make_person
from tests.harness.recorded import run_of
from tests.live.watching import lines, write
from tests.pages.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent() -> Agent:
    return Agent.objects.create(name="web", command=["sleep", "9"])


def poll(client: Client, **message: Any) -> Any:
    text = json.dumps({"type": "subscribe", **message})
    return client.get("/live/poll", {"message": text})


def test_it_answers_what_the_socket_would(agent: Agent) -> None:
    operator = signed_in(make_person("op", "view_agent", "operate_agent"))
    response = poll(operator, topics=["agents"], ids=[agent.pk], known=0)
    text = response.content.decode()
    assert response.status_code == 200
    assert f'<tr id="agent-row-{agent.pk}"' in text
    assert 'value="start"' in text
    assert "1 new agent" in text
    assert 'id="live-seq"' in text
    assert "no-store" in response["Cache-Control"]


def test_output_goes_on_by_polls(agent: Agent) -> None:
    viewer = signed_in(make_person("viewer", "view_agent"))
    write(run_of(agent), "out", b"one\ntwo\n")
    logs = {"run": 1, "out": 4, "err": 0}
    text = poll(viewer, topics=["agent:web", "logs:web"], logs=logs).content.decode()
    assert lines(text[text.index('id="output-lines"') :]) == ["two"]
    assert 'data-out="8"' in text


def test_a_transcript_and_an_answer_go_on_by_polls(data: object) -> None:
    viewer = signed_in(make_person("viewer", "view_agent"))
    engine = Engine.at_work(task := asked(thinker()))
    engine.commit(said("Let me see"))
    engine.begin()
    engine.say("It is")
    place = {"step": 1, "run": 1, "offset": 0, "thinks": False}
    topics = [f"task:{task.pk}"]
    text = poll(viewer, topics=topics, task=place).content.decode()
    assert "Let me see" in text
    assert ">It is</pre>" in text
    offset = int(re.findall(r'id="task-cursor".*?data-offset="(\d+)"', text)[0])
    engine.say(" good")
    place |= {"step": 2, "offset": offset}
    text = poll(viewer, topics=topics, task=place).content.decode()
    assert "Let me see" not in text
    assert '<pre id="live-text" hx-swap-oob="beforeend"> good</pre>' in text


def test_it_asks_who_is_there(agent: Agent, client: Client) -> None:
    assert poll(client, topics=["agents"]).status_code == 401
    nobody = signed_in(make_person("nobody"))
    assert poll(nobody, topics=["agents"]).status_code == 403


def test_nonsense_is_a_bad_request(agent: Agent) -> None:
    viewer = signed_in(make_person("viewer", "view_agent"))
    assert poll(viewer, topics=["everything"]).status_code == 400
    assert viewer.get("/live/poll").status_code == 400

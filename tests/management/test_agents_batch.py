"""`agents batch` and `agents batches`."""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from agents.models import Batch
from agents.services import batch_steps, nodes
from tests.harness.engine import thinker
from tests.management.conftest import Make, Run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("data"),
]


def test_one_is_made_shown_listed_and_cancelled(agents: Run, make: Make) -> None:
    assert agents("batches").out.startswith("No batches yet")
    for name in ("one", "two"):
        make(name)
    made = agents("batch", "start", "--all", "--at-once", "1", "--json")
    assert made.code == 0
    assert "No supervisor is running" in made.err
    number = made.json["id"]
    assert [one["agent"] for one in made.json["items"]] == ["one", "two"]
    batch_steps.step()
    listed = agents("batches", "--json").json
    assert [(one["id"], one["counts"]["begun"]) for one in listed] == [(number, 1)]
    assert "0 of 2" in agents("batches").out
    done = agents("batches", str(number), "--cancel", "--reason", "too early")
    assert "being cancelled" in done.out and "Not begun" in done.out
    assert Batch.objects.get().cancel_reason == "too early"


def test_with_wait_it_is_a_failure_unless_all_are_done(agents: Run, make: Make) -> None:
    make("one")
    waited = agents("batch", "start", "one", "nobody", "--wait", "5", "--json")
    assert waited.code == 1
    assert waited.json["counts"]["failed"] == 1
    assert nodes.is_there("local") is False


def test_what_cannot_be_meant_is_refused(agents: Run, make: Make) -> None:
    assert "No agent is chosen" in agents("batch", "stop", "--all").err
    make("one")
    assert "the prompt is empty" in agents("batch", "ask", "one").err
    with pytest.raises(CommandError, match="name agents"):
        agents("batch", "stop")
    with pytest.raises(CommandError, match="number of a batch"):
        agents("batches", "--cancel")
    assert "There is no batch 7" in agents("batches", "7").err


def test_phases_of_work_are_named_by_barriers(agents: Run) -> None:
    for name in ("one", "two"):
        thinker(name)
    how = ("--prompt", "Build.", "--barrier", "built")
    made = agents("batch", "ask", "one", "two", *how, "--json").json
    assert made["arrives_at"] == {"barrier": "built", "generation": 1}
    after = agents("batch", "ask", "one", "--prompt", "Test.", "--after", "built")
    assert "It waits until all have arrived at built, in round 1." in after.out
    number = ("--parties", "2")
    one = agents("ask", "one", "Go.", "--barrier", "gone", *number, "--json").json
    two = agents("ask", "two", "Go.", "--barrier", "gone", *number, "--json").json
    assert [task["arrives_at"]["state"] for task in (one, two)] == ["awaited"] * 2
    waits = agents("ask", "one", "Go.", "--after", "built", "--json").json["id"]
    assert "waits until all have arrived at built" in agents("task", str(waits)).out
    refused = agents("ask", "one", "Go.", "--after", "nowhere")
    assert refused.code == 1
    assert "There is no barrier 'nowhere'" in refused.err

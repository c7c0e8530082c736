"""Batches on the pages: made from a selection or a filter, looked at, cancelled."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Batch, BatchItem
from agents.models.choices import BatchActionChoice
from agents.services import batch_steps, batches
from agents.services.batches import Wanted
from agents.services.lifecycle import Asker
from tests.harness.engine import thinker
from tests.pages.conftest import MakeAgent

HTMX = {"HX-Request": "true"}
FORM = {"action": "start", "at_once": "2", "names": ["one", "two"], "reason": "so"}


@pytest.fixture
def fleet(make_agent: MakeAgent) -> None:
    make_agent("one", labels={"team": "search"})
    make_agent("two")


def made(client: Client, **more: object) -> Batch:
    client.post(reverse("batch-make"), {**FORM, **more})
    return Batch.objects.latest("pk")


@pytest.mark.usefixtures("fleet")
class TestMaking:
    def test_the_form_has_who_was_picked_and_makes_them_a_batch(
        self, as_bob: Client
    ) -> None:
        picked = {"names": ["one", "two"]}
        form = as_bob.post(reverse("batch-new"), picked, headers=HTMX)
        text = form.content.decode()
        assert form["HX-Retarget"] == "#dialog-body"
        assert "2 agents as a batch" in text
        assert re.findall(r'name="names" value="(\w+)"', text) == ["one", "two"]
        answer = as_bob.post(reverse("batch-make"), FORM, headers=HTMX)
        batch = Batch.objects.get()
        assert answer["HX-Redirect"] == f"/batches/{batch.pk}/"
        assert (batch.action, batch.at_once) == ("start", 2)
        assert (batch.created_by, batch.via) == ("bob", "page")

    def test_a_filter_chooses_as_well(self, as_bob: Client) -> None:
        assert "All 2 as a batch…" in as_bob.get("/agents/").content.decode()
        page = as_bob.get(reverse("batch-new") + "?label=team%3Dsearch")
        assert "1 agent as a batch" in page.content.decode()
        nobody = as_bob.get(reverse("batch-new") + "?q=nobody", follow=True)
        assert "No agents selected." in nobody.content.decode()

    def test_work_arrives_at_a_barrier_and_the_next_waits_for_it(
        self, as_bob: Client
    ) -> None:
        work = {**FORM, "action": "ask", "prompt": "Build.", "names": ["three", "four"]}
        for name in work["names"]:
            thinker(name)
        before = made(as_bob, **work, barrier="built")
        after = made(as_bob, **work, after="built")
        page = as_bob.get(before.get_absolute_url()).content.decode()
        assert "built, round 1" in page
        page = as_bob.get(after.get_absolute_url()).content.decode()
        assert "It waits until all have arrived at built, in round 1." in page
        wrong = {**FORM, **work, "after": "nowhere"}
        text = as_bob.post(reverse("batch-make"), wrong, headers=HTMX).content.decode()
        assert "There is no barrier" in text and 'value="nowhere"' in text

    def test_a_refusal_comes_back_with_all_that_was_typed(self, as_bob: Client) -> None:
        wrong = {**FORM, "action": "ask", "prompt": " ", "at_once": "7"}
        answer = as_bob.post(reverse("batch-make"), wrong, headers=HTMX)
        text = answer.content.decode()
        assert "the prompt is empty" in text and 'value="7"' in text
        plain = as_bob.post(reverse("batch-make"), {**FORM, "at_once": "many"})
        assert plain.status_code == 422
        assert "Choose what to do, and how many at once." in plain.content.decode()
        assert not Batch.objects.exists()

    def test_the_same_form_sent_twice_is_one_batch(self, as_bob: Client) -> None:
        made(as_bob, key="one")
        made(as_bob, key="one")
        assert Batch.objects.count() == 1

    def test_what_is_gone_since_the_form_was_opened_is_a_failure(
        self, as_bob: Client
    ) -> None:
        made(as_bob, names=["one", "gone"])
        states = dict(BatchItem.objects.values_list("agent_name", "state"))
        assert states == {"one": "waiting", "gone": "failed"}


@pytest.mark.usefixtures("fleet")
def test_the_list_and_the_page_say_how_far_it_is(
    as_bob: Client, as_vera: Client
) -> None:
    assert "No batches yet." in as_vera.get(reverse("batches")).content.decode()
    batch = made(as_bob, at_once="1")
    batch_steps.step()
    for client in (as_bob, as_vera):
        listed = client.get(reverse("batches")).content.decode()
        assert "0 of 2" in listed and f'href="/batches/{batch.pk}/"' in listed
    page = as_bob.get(batch.get_absolute_url()).content.decode()
    assert f'data-topics="batch:{batch.pk}"' in page
    assert page.count("Under way") >= 2
    assert "Cancel the rest" in page
    viewed = as_vera.get(batch.get_absolute_url()).content.decode()
    assert "Cancel the rest" not in viewed


@pytest.mark.usefixtures("fleet")
def test_one_that_is_done_says_that_not_all_went_well(
    as_bob: Client, as_vera: Client
) -> None:
    batch = made(as_bob, names=["gone"])
    batch_steps.step()
    batch.refresh_from_db()
    assert batch.state == "done"
    for address in (reverse("batches"), batch.get_absolute_url()):
        assert "</svg>Done, 1 failed</span>" in as_vera.get(address).content.decode()


@pytest.mark.usefixtures("fleet")
def test_it_is_cancelled_from_its_page(as_bob: Client) -> None:
    batch = made(as_bob)
    done = as_bob.post(reverse("batch-cancel", args=[batch.pk]), follow=True)
    assert "begins nothing more" in done.content.decode()
    batch.refresh_from_db()
    assert batch.state == "cancelled"
    assert "Not begun" in done.content.decode()
    assert as_bob.post(reverse("batch-cancel", args=[777])).status_code == 404


@pytest.mark.usefixtures("fleet")
def test_who_may_only_look_makes_and_cancels_none(
    as_vera: Client, as_bob: Client, as_alice: Client
) -> None:
    batch = made(as_bob)
    assert as_vera.post(reverse("batch-make"), FORM).status_code == 403
    assert as_vera.get(reverse("batch-new")).status_code == 403
    cancel = reverse("batch-cancel", args=[batch.pk])
    assert as_vera.post(cancel).status_code == 403
    assert as_alice.post(cancel).status_code == 302
    assert "as a batch" not in as_vera.get("/agents/").content.decode()


def test_there_is_no_page_of_no_batch(as_vera: Client) -> None:
    assert as_vera.get("/batches/777/").status_code == 404


def test_the_list_goes_on_with_older_ones(
    as_vera: Client, make_agent: MakeAgent
) -> None:
    wanted = Wanted(BatchActionChoice.START, [make_agent("one")])
    numbers = [batches.make(wanted, Asker("bob", "page")).pk for _ in range(52)]
    first = as_vera.get(reverse("batches")).content.decode()
    assert 'data-topics="batches"' in first
    older = f"{reverse('batches')}?before={numbers[2]}"
    assert f'href="{older}"' in first
    rest = as_vera.get(older).content.decode()
    assert len(re.findall(r'href="/batches/\d+/"', rest)) == 2
    assert "data-topics" not in rest.partition("<main")[2].partition(">")[0]

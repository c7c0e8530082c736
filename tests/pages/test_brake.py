"""The fleet brake on the pages: its button, its form, and the line on every page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Brake
from agents.services import brake, brake_pulls
from agents.services.brake_pulls import Pull
from agents.services.lifecycle import Asker
from tests.pages.conftest import MakeAgent

HTMX = {"HX-Request": "true"}
PAGES = ["/", "/agents/", "/tasks/", "/usage/", "/agents/web/"]
WHY = {"reason": "they delete files"}


def pull(**how: bool) -> Brake:
    return brake_pulls.pull(Pull(**how), Asker("bob", "page", "they delete files"))[0]


@pytest.mark.parametrize("address", PAGES)
def test_every_page_has_the_button_for_who_may_operate_and_says_who_pulled_it(
    as_bob: Client, as_vera: Client, make_agent: MakeAgent, address: str
) -> None:
    make_agent("web", status="running", desired_state="running")
    assert 'hx-get="/brake/"' in as_bob.get(address).content.decode()
    assert "/brake/" not in as_vera.get(address).content.decode()
    pull(stop=True)
    for client in (as_bob, as_vera):
        text = client.get(address).content.decode()
        assert "The fleet brake is pulled, by bob" in text
        assert "they delete files" in text
        assert "It stopped web." in text
    assert "Release…" in as_bob.get(address).content.decode()
    assert "Release…" not in as_vera.get(address).content.decode()


def test_who_may_only_look_gets_neither_form_nor_brake(as_vera: Client) -> None:
    assert as_vera.get(reverse("brake")).status_code == 403
    for name in ("brake-pull", "brake-release"):
        assert as_vera.post(reverse(name), WHY).status_code == 403
    assert brake.pulled() is None


@pytest.mark.parametrize(
    ("how", "stops", "interrupts"),
    [
        ("interrupt", False, True),
        ("finish", False, False),
        ("stop", True, True),
        ("finish-stop", True, False),
        ("", False, True),
    ],
)
def test_it_is_pulled_as_hard_as_was_chosen(
    as_bob: Client, make_agent: MakeAgent, how: str, stops: bool, interrupts: bool
) -> None:
    make_agent("web", status="running", desired_state="running")
    here = {"next": "/agents/"}
    done = as_bob.post(reverse("brake-pull"), {**WHY, **here, "how": how}, follow=True)
    assert done.redirect_chain == [("/agents/", 302)]
    assert "The fleet brake is pulled:" in done.content.decode()
    found = brake.pulled()
    assert found is not None
    assert (found.stops, found.interrupts, found.pulled_by) == (
        stops,
        interrupts,
        "bob",
    )


def test_the_form_asks_why_and_after_the_pull_it_is_the_one_to_release(
    as_bob: Client,
) -> None:
    form = as_bob.get(reverse("brake"), headers=HTMX).content.decode()
    assert "<html" not in form and "Pull the fleet brake?" in form
    refused = as_bob.post(reverse("brake-pull"), {"reason": " "}, headers=HTMX)
    assert "Say why" in refused.content.decode()
    assert brake.pulled() is None
    as_bob.post(reverse("brake-pull"), WHY, headers=HTMX)
    page = as_bob.get(reverse("brake")).content.decode()
    assert "Release the fleet brake?" in page and "they delete files" in page


def test_it_is_released_and_what_it_stopped_starts_again_if_that_is_ticked(
    as_bob: Client, make_agent: MakeAgent
) -> None:
    make_agent("web", status="running", desired_state="running")
    pull(stop=True)
    as_bob.post(reverse("brake-release"), {"reason": "well", "go_on": "yes"})
    assert brake.pulled() is None
    assert Agent.objects.get().desired_state == "running"


def test_two_who_pull_or_release_at_once_are_told(as_bob: Client) -> None:
    pull()
    second = as_bob.post(reverse("brake-pull"), WHY, headers=HTMX)
    assert "It was pulled already, by bob" in second.content.decode()
    as_bob.post(reverse("brake-release"), WHY)
    late = as_bob.post(reverse("brake-release"), WHY, headers=HTMX)
    assert "The fleet brake is not pulled." in late.content.decode()


def test_it_goes_back_to_no_other_site(as_bob: Client) -> None:
    elsewhere = {**WHY, "next": "https://example.com/"}
    assert as_bob.post(reverse("brake-pull"), elsewhere)["Location"] == "/"

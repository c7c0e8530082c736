"""The page of locks: what it shows, and who takes one away or releases it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Agent, FileLock, LockClaim, StatusChange, Task
from agents.services import work
from agents.services.locks import Call
from tests.harness.engine import asked, thinker
from tests.harness.locking import SPACE, first_lock
from tests.harness.outside import registered, silent_for
from tests.harness.recorded import run_of
from tests.pages.conftest import MakeAgent

WHY = {"confirmed": "yes", "reason": "it sleeps"}


def at_work(space: Path, *paths: str) -> Task:
    """A task that an agent works on, with its declared paths locked."""
    agent = thinker(workspace=str(space))
    task = asked(agent, "Rename the class", paths=list(paths))
    run = run_of(agent)
    work.claim(agent.pk, run.pk, 1, str(space))
    task.refresh_from_db()
    assert task.state == "running"
    return task


@pytest.fixture
def fleet(make_agent: MakeAgent) -> dict[str, Agent]:
    return {name: make_agent(name) for name in ("web", "api", "db")}


def shown(client: Client) -> str:
    """The words of the page's list, with one space between them."""
    page = client.get("/locks/").content.decode()
    found = re.search(r'<div id="locks".*</div>\s*</main>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


def test_who_has_what_until_when_and_who_waits_behind_whom_is_shown(
    fleet: dict[str, Agent], as_vera: Client
) -> None:
    first_lock(fleet["web"], "src/**", "README.md")
    first_lock(fleet["api"], "src/a.py", call=Call(asked_by="bob"))
    first_lock(fleet["db"], "src/a.py", "README.md")
    words = shown(as_vera)
    assert f"{SPACE} 1 held, 2 waiting Held for" in words
    first, second, third = re.split(r"Waiting (?=n)", words)
    assert "web run 1 src/** README.md Exclusive, until it is released" in first
    assert "Waiting for it: api , db" in first
    assert second.startswith("next, for ")
    assert "api run 1, asked for by bob src/a.py" in second
    assert "web has src/**" in second
    assert third.startswith("number 2, for ")
    assert "web has README.md, src/**" in third
    assert "api waits before it for src/a.py" in third
    page = as_vera.get("/locks/").content.decode()
    claim = LockClaim.objects.get(agent=fleet["web"])
    assert f'<a href="#claim-{claim.pk}">web</a>' in page
    assert '<a href="/agents/api/"><b>api</b></a>' in page


def test_a_task_and_what_it_is_about_stand_beside_its_lock(
    as_vera: Client, data: Path
) -> None:
    task = at_work(data, "src/")
    words = shown(as_vera)
    assert f"thinker run 1 task {task.pk} Rename the class src/** Exclusive" in words
    assert "until its task ends" in words
    page = as_vera.get("/locks/").content.decode()
    assert f'<a href="/tasks/{task.pk}/">task {task.pk}</a>' in page


def test_without_locks_the_page_says_how_they_come_about(as_vera: Client) -> None:
    words = shown(as_vera)
    assert "Nobody has a lock, and nobody waits for one" in words
    assert "A task that names its paths" in words


def test_workspaces_in_which_somebody_waits_come_first(
    fleet: dict[str, Agent], as_vera: Client
) -> None:
    for path in ("/srv/a", "/srv/z"):
        first_lock(fleet["db"], "a", space=path)
    first_lock(fleet["web"], "a")
    first_lock(fleet["api"], "a")
    words = shown(as_vera)
    assert words.index(f"{SPACE} ") < words.index("/srv/a") < words.index("/srv/z")


def test_a_lease_says_when_it_ends_and_one_that_is_over_is_not_shown(
    as_vera: Client, alice: User
) -> None:
    far = registered("far", alice).run
    assert far.agent is not None
    first_lock(far.agent, "a", lease=60.0)
    assert "unless its agent is heard of" in shown(as_vera)
    silent_for(far, 61)
    assert "Nobody has a lock" in shown(as_vera)


def test_a_lock_is_stolen_with_a_reason_that_stands_everywhere(
    fleet: dict[str, Agent], as_bob: Client
) -> None:
    lock = first_lock(fleet["web"], "a", "b")
    first_lock(fleet["api"], "b")
    question = as_bob.post(f"/locks/{lock}/steal").content.decode()
    assert "Steal the lock of web?" in question
    assert "web is not stopped" in question
    assert "Who waits gets it then: api." in question
    assert LockClaim.objects.get(agent=fleet["web"]).state == "held"
    refused = as_bob.post(f"/locks/{lock}/steal", WHY | {"reason": " "})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    assert LockClaim.objects.get(agent=fleet["web"]).state == "held"

    assert as_bob.post(f"/locks/{lock}/steal", WHY).status_code == 302
    claim = LockClaim.objects.get(agent=fleet["web"])
    assert (claim.state, claim.taken_by) == ("ended", "bob")
    assert claim.reason == "stolen by bob: it sleeps"
    assert LockClaim.objects.get(agent=fleet["api"]).state == "held"
    page = as_bob.get("/locks/").content.decode()
    assert "The lock of web on a, b is taken away." in page
    told = StatusChange.objects.filter(agent=fleet["web"]).latest("pk")
    assert told.reason == "its lock on a, b was stolen by bob: it sleeps"
    (entry,) = LogEntry.objects.all()
    assert entry.change_message == "Stole its lock on a, b by a page: it sleeps"
    # Who comes late is told, before and after they are asked for a reason.
    for given in ({}, WHY):
        as_bob.post(f"/locks/{lock}/steal", given)
        assert "has ended" in as_bob.get("/locks/").content.decode()
    assert as_bob.post("/locks/999/steal").status_code == 404
    assert as_bob.post("/locks/999/steal", WHY).status_code == 404


def test_who_steals_from_a_task_is_told_that_it_is_interrupted_first(
    as_bob: Client, data: Path
) -> None:
    task = at_work(data, "a")
    lock = FileLock.objects.get()
    page = as_bob.get("/locks/").content.decode()
    assert "Steal…" in page and "Release…" not in page
    assert b"It is interrupted first" in as_bob.post(f"/locks/{lock.pk}/steal").content
    as_bob.post(f"/locks/{lock.pk}/steal", WHY)
    page = as_bob.get("/tasks/").content.decode()
    assert f"Task {task.pk} is being interrupted; its lock goes with it." in page
    words = shown(as_bob)
    assert "Being taken away" in words
    assert "Stolen by bob: it sleeps. Its task is being interrupted." in words
    assert "Steal…" not in words


def test_a_lock_that_is_worked_with_is_stolen_and_not_released(
    as_bob: Client, data: Path
) -> None:
    at_work(data, "a")
    lock = FileLock.objects.get()
    as_bob.post(f"/locks/{lock.pk}/release", WHY)
    assert "Steal the lock, which interrupts" in as_bob.get("/").content.decode()
    assert LockClaim.objects.get().state == "held"


def test_a_forgotten_lock_is_released_and_a_call_taken_out_of_the_queue(
    fleet: dict[str, Agent], as_bob: Client
) -> None:
    first, second = first_lock(fleet["web"], "a"), first_lock(fleet["api"], "a")
    question = as_bob.post(f"/locks/{second}/release").content.decode()
    assert "Take api out of the queue?" in question
    as_bob.post(f"/locks/{second}/release", WHY)
    assert "api is out of the queue." in as_bob.get("/").content.decode()
    assert b"has forgotten" in as_bob.post(f"/locks/{first}/release").content
    as_bob.post(f"/locks/{first}/release", WHY)
    assert "The lock of web on a is released." in as_bob.get("/").content.decode()
    assert not LockClaim.objects.exclude(state="ended").exists()


def test_with_htmx_the_question_is_a_dialog_and_the_answer_a_line(
    fleet: dict[str, Agent], as_bob: Client
) -> None:
    lock = first_lock(fleet["web"], "a")
    asked = as_bob.post(f"/locks/{lock}/steal", headers={"HX-Request": "true"})
    assert asked["HX-Retarget"] == "#dialog-body"
    assert b"<html" not in asked.content
    # htmx does not put in what is called an error: this is none.
    given = WHY | {"reason": ""}
    again = as_bob.post(f"/locks/{lock}/steal", given, headers={"HX-Request": "true"})
    assert (again.status_code, again["HX-Retarget"]) == (200, "#dialog-body")
    done = as_bob.post(f"/locks/{lock}/steal", WHY, headers={"HX-Request": "true"})
    assert done["HX-Retarget"] == "#flash"
    assert b"is taken away" in done.content


def test_who_may_only_look_has_no_buttons_and_takes_nothing(
    fleet: dict[str, Agent], as_vera: Client, as_bob: Client, as_alice: Client
) -> None:
    lock = first_lock(fleet["web"], "a")
    words = shown(as_vera)
    assert "web" in words and "Steal" not in words and "Release" not in words
    for verb in ("steal", "release"):
        assert as_vera.post(f"/locks/{lock}/{verb}", WHY).status_code == 403
    assert LockClaim.objects.get().state == "held"
    for client in (as_bob, as_alice):
        assert "Steal…" in shown(client)
    assert as_alice.post(f"/locks/{lock}/release", WHY).status_code == 302
    assert LockClaim.objects.get().state == "ended"


def test_the_page_costs_the_same_for_any_number(
    make_agent: MakeAgent, as_vera: Client
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(as_vera)
        return len(queries)

    for n in range(3):
        first_lock(make_agent(f"few-{n}"), "a")
    cost()
    few = cost()
    for n in range(30):
        first_lock(make_agent(f"more-{n}"), "a", f"file-{n}")
    assert cost() == few


def test_of_very_many_the_contested_are_shown_and_the_others_counted(
    make_agent: MakeAgent, as_vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.services.lock_view.MOST", 4)
    monkeypatch.setattr("agents.services.lock_view.MOST_OTHERS", 2)
    monkeypatch.setattr("agents.services.lock_view.MOST_FILES", 2)
    first_lock(make_agent("first"), "a", "b", "c")
    for n in range(6):
        first_lock(make_agent(f"next-{n}"), "a")
    words = shown(as_vera)
    assert "first run 1 a b and 1 more" in words
    assert "Waiting for it: next-0 , next-1 and 4 more" in words
    assert "next-0 waits before it for a and 1 more in its way" in words
    assert "next-3" not in words
    assert words.endswith("and 3 more, in the API")

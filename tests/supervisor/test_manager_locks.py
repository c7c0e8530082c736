"""Native agents in one directory: who declares its paths waits for whoever has them."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from agents.models import FileLock, LockClaim
from agents.services import lock_taking, tasks
from agents.services.lifecycle import Asker
from agents.services.lock_taking import Person
from tests.harness.native import native
from tests.harness.supervisor import TEST, Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def open_claims() -> int:
    return LockClaim.objects.exclude(state="ended").count()


def test_a_task_is_woken_when_the_paths_that_it_waits_for_are_free(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    first = web.do("/pause 600", paths=["src/**"])
    first.wait_for("running")
    second = api.do("hello", paths=["src/a.py"])
    second.wait_for("waiting_for_lock")
    # Whoever needs nothing that is taken goes on.
    api.do("hello", paths=["docs/"]).wait_for("succeeded")
    tasks.cancel(first.row.pk, TEST)
    second.wait_for("succeeded")
    assert open_claims() == 0


def test_the_end_of_an_agent_gives_its_paths_to_who_waits(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    first = web.do("/pause 600", paths=["a"])
    first.wait_for("running")
    second, third = api.do("/pause 600", paths=["a"]), web.do("hello", paths=["a"])
    second.wait_for("waiting_for_lock")
    web.stop()
    first.wait_for("interrupted")
    second.wait_for("running")
    api.stop()
    second.wait_for("interrupted")
    assert third.look().state == "queued"
    until(lambda: open_claims() == 0, what="no lock to be left")


def test_who_waits_when_its_agent_is_stopped_waits_for_the_agent(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    web.do("/pause 600", paths=["a"]).wait_for("running")
    second = api.do("hello", paths=["a"])
    second.wait_for("waiting_for_lock")
    api.stop()
    second.wait_for("queued")
    api.start_native()
    second.wait_for("waiting_for_lock")
    web.stop()
    second.wait_for("succeeded")


def write(path: str, content: str) -> str:
    return "/call write_file " + json.dumps({"path": path, "content": content})


def test_a_tool_waits_for_the_file_that_another_task_writes(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    first = web.do(write("a", "web") + "\n/pause 600")
    until(lambda: "result" in first.kinds(), what="the first to have written")
    second = api.do(write("a", "api"))
    until(
        lambda: "waits for a lock on a: web" in api.look().activity_note,
        what="the second to say for whom it waits",
    )
    assert (web.workspace / "a").read_text() == "web"
    tasks.cancel(first.row.pk, TEST)
    second.wait_for("succeeded")
    assert (web.workspace / "a").read_text() == "api"
    assert open_claims() == 0


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_a_tool_that_waits_is_cut_off_like_any(
    supervisor: Supervisor, cast: Cast, way: str
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    web.do("/pause 600", paths=["a"]).wait_for("running")
    second = api.do(write("a", "api"), timeout=1.5 if way == "timeout" else None)
    until(lambda: open_claims() == 2, what="the second to wait")
    if way == "cancel":
        tasks.cancel(second.row.pk, TEST)
    second.wait_for("cancelled", "timed_out")
    assert open_claims() == 1
    assert not (web.workspace / "a").exists()


def test_the_second_of_two_that_would_wait_for_each_other_is_told(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    first = web.do("/pause 1\n" + write("b", "web"), paths=["a"])
    second = api.do("/pause 1\n" + write("a", "api"), paths=["b"])
    first.wait_for("succeeded")
    second.wait_for("succeeded")
    told = [r["text"] for w in (first, second) for r in w.results() if r["error"]]
    assert len(told) == 1
    assert "nobody would ever get on" in told[0]


def test_a_steal_interrupts_the_task_before_the_next_one_gets_its_files(
    supervisor: Supervisor, cast: Cast, alice: User
) -> None:
    web = native(cast, "web").start_native()
    api = native(cast, "api", workspace=str(web.workspace)).start_native()
    first = web.do("/pause 600\n" + write("a", "too late"), paths=["a"])
    first.wait_for("running")
    second = api.do(write("a", "api"), paths=["a"])
    second.wait_for("waiting_for_lock")
    lock = FileLock.objects.get(claim__task=first.row.pk)
    person = Person(Asker("alice", "page", "it sleeps"), alice.pk, "the page")
    assert lock_taking.steal(lock.pk, person).claim.taken_by == "alice"
    assert first.wait_for("interrupted").reason == (
        "its lock was stolen by alice: it sleeps"
    )
    second.wait_for("succeeded")
    assert (web.workspace / "a").read_text() == "api"
    claim = LockClaim.objects.get(task=first.row.pk)
    assert (claim.state, claim.taken_by) == ("ended", "alice")
    assert claim.reason == "stolen by alice: it sleeps"
    # It goes on later, if somebody wants it to, and asks for its lock again.
    tasks.go_on(first.row.pk, TEST)
    first.wait_for("running")
    web.stop()
    first.wait_for("interrupted")
    until(lambda: open_claims() == 0, what="no lock to be left")

"""Real commands of real tasks that write what they have not declared."""

from __future__ import annotations

import json

import pytest

from agents.models import StatusChange
from agents.services import task_detail
from agents.services.task_shapes import task_shape
from tests.harness.native import Native, Work, native
from tests.harness.supervisor import Cast, Supervisor
from tests.harness.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def run(line: str) -> str:
    return "/call run_command " + json.dumps({"command": line})


def notes(work: Work) -> list[str]:
    return [step.data["text"] for step in work.steps() if step.kind == "note"]


def builder(cast: Cast, name: str, **setup: object) -> Native:
    return native(cast, name, allow_commands=True, **setup).start_native()


def test_a_command_that_writes_what_is_not_locked_is_told_everywhere(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = builder(cast, "web")
    line = "mkdir src; echo x > src/a; echo x > b; echo x > c; echo x > d; echo x > e"
    work = web.do(run(line), paths=["src/**"])
    task = work.wait_for("succeeded")
    told = "touched outside its locks: b, c, d (and 1 more)"
    assert task_shape(task)["touched_outside"] == {
        "files": ["b", "c", "d", "e"],
        "count": 4,
        "note": "",
    }
    assert told in notes(work)
    shown = task_detail.detail(task.pk)
    assert shown is not None
    assert shown.touched.lower() == told
    line_of = StatusChange.objects.get(source="engine")
    assert line_of.reason == f"task {task.pk} {told}"


def test_who_keeps_to_its_locks_is_told_nothing(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = builder(cast, "web")
    task = web.do(run("echo x > a"), paths=["a"]).wait_for("succeeded")
    assert task_shape(task)["touched_outside"] is None
    task = web.do(run("true")).wait_for("succeeded")
    assert task_shape(task)["touched_outside"] is None


def test_what_another_task_has_locked_meanwhile_is_that_ones(
    supervisor: Supervisor, cast: Cast
) -> None:
    web, api = builder(cast, "web"), None
    api = builder(cast, "api", workspace=str(web.workspace))
    wait = "echo x > mine; until test -e go; do sleep 0.05; done"
    first = web.do(run(wait))
    until(lambda: (web.workspace / "mine").exists(), what="the first to have begun")
    api.do(run("echo x > theirs"), paths=["theirs"]).wait_for("succeeded")
    (web.workspace / "go").touch()
    task = first.wait_for("succeeded")
    # A person made `go`, and asked nobody: that cannot be told apart.
    assert task_shape(task)["touched_outside"]["files"] == ["go", "mine"]


def test_what_one_task_has_staged_is_in_nobody_elses_commit_or_it_is_told(
    supervisor: Supervisor, cast: Cast
) -> None:
    web = builder(cast, "web")
    api = builder(cast, "api", workspace=str(web.workspace))
    git = "git -c user.name=x -c user.email=x@x"
    begin = f"git init -q; {git} commit -q --allow-empty -m begin"
    web.do(run(begin), paths=[".git/"]).wait_for("succeeded")
    commit = f"echo {{0}} > {{0}}; git add {{0}}; sleep 0.5; {git} commit -q -m {{0}}"
    works = [
        one.do(run(commit.format(name)), paths=[name, ".git/"])
        for one, name in ((web, "a"), (api, "b"))
    ]
    for work in works:
        assert task_shape(work.wait_for("succeeded"))["touched_outside"] is None
    # Nothing that one has staged is in the commit of the other.
    log = f"{git} log --format=%s --name-only | grep . > ../log"
    web.do(run(log)).wait_for("succeeded")
    said = (web.workspace.parent / "log").read_text().split()
    assert sorted([said[:2], said[2:4]]) == [["a", "a"], ["b", "b"]]
    work = web.do(run(commit.format("c")), paths=["c"])
    told = task_shape(work.wait_for("succeeded"))["touched_outside"]
    assert told["files"] == [".git/logs/HEAD"]

"""Writing into a program's standard input: whole or not at all, and never waiting."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, Run
from agents.policy.states import Status
from agents.services import standard_input
from agents.services.standard_input import MOST, NoInput, NotRead, TooLong, Written
from tests.harness.inputs import held_open, run_with_input
from tests.harness.recorded import end_of
from tests.pages.conftest import MakeAgent, make_agent

__all__ = ["make_agent"]


@pytest.fixture
def path(make_agent: MakeAgent, data: Path) -> Path:
    """The input of a run of `web`, which nobody has open."""
    return run_with_input(make_agent("web", stdin="fifo"), data)[1]


@pytest.fixture
def pipe(path: Path) -> Iterator[int]:
    """The same, open as the run's own processes have it."""
    with held_open(path) as descriptor:
        yield descriptor


def web() -> Agent:
    return Agent.every.select_related("run").get(name="web")


def refusal(kind: type[NoInput] = NoInput, text: str = "x") -> str:
    begun = time.monotonic()
    with pytest.raises(kind) as refused:
        standard_input.write(web(), text)
    assert time.monotonic() - begun < 1
    return str(refused.value)


def read(pipe: int) -> bytes:
    """All that is in it."""
    got = b""
    try:
        while piece := os.read(pipe, 1 << 20):
            got += piece
    except BlockingIOError:
        pass
    return got


def test_the_program_reads_what_was_written_to_the_byte(pipe: int) -> None:
    assert standard_input.write(web(), "grüße\n") == Written(1, 8)
    assert standard_input.write(web(), "no end") == Written(1, 6)
    assert read(pipe) == "grüße\nno end".encode()


def test_as_much_as_a_pipe_holds_is_written_at_once_and_no_more(pipe: int) -> None:
    whole = "é" * (MOST // 2)
    assert standard_input.write(web(), whole).bytes == MOST
    assert "has not read" in refusal(NotRead)
    assert read(pipe) == whole.encode()
    assert "65,537 bytes, and at most 65,536" in refusal(TooLong, whole + "x")
    assert read(pipe) == b""


def test_of_a_long_text_nothing_is_written_before_all_of_it_has_room(pipe: int) -> None:
    standard_input.write(web(), "unread")
    refusal(NotRead, "x" * 5000)
    assert read(pipe) == b"unread"
    assert standard_input.write(web(), "x" * 5000).bytes == 5000


def test_a_smaller_pipe_of_the_system_is_no_place_for_a_longer_text(pipe: int) -> None:
    """As where a user has very many pipes."""
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    assert "at most 4,096" in refusal(TooLong, "x" * 5000)
    assert standard_input.write(web(), "x" * 4096).bytes == 4096


def test_who_never_reads_is_filled_once_and_holds_up_nobody(pipe: int) -> None:
    taken = 0
    with pytest.raises(NotRead):
        while True:
            taken += standard_input.write(web(), "x" * 1000).bytes
    assert taken % 1000 == 0 and MOST // 2 < taken <= MOST
    assert len(read(pipe)) == taken


def test_texts_of_many_writers_are_not_mixed(pipe: int) -> None:
    agent, wanted = web(), [letter * 6000 + "\n" for letter in "abcdefgh"]
    # Read here: the threads have no database.
    assert agent.run is not None and agent.run.setup == {"stdin": "fifo"}
    got, done = b"", threading.Event()

    def write(text: str) -> None:
        while not done.is_set():
            try:
                standard_input.write(agent, text)
                return
            except NotRead:
                time.sleep(0.001)

    threads = [threading.Thread(target=write, args=(text,)) for text in wanted]
    for one in threads:
        one.start()
    until = time.monotonic() + 20
    while len(got) < 8 * 6001 and time.monotonic() < until:
        got += read(pipe)
    done.set()
    for one in threads:
        one.join()
    assert sorted(got.decode().splitlines(keepends=True)) == wanted


def in_its_place(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: None, "No process of web has its standard input open."),
        (Path.unlink, "is not on this machine, or was taken away"),
        (in_its_place(Path.touch), "In the place of the input of web is something"),
        (in_its_place(lambda p: p.symlink_to("/dev/null")), "cannot be written"),
        (in_its_place(Path.mkdir), "cannot be written"),
    ],
)
def test_nothing_is_written_to_anything_but_a_pipe_that_somebody_reads(
    path: Path, change: Callable[[Path], None], told: str
) -> None:
    change(path)
    assert told in refusal()


def test_a_run_that_has_no_input_says_what_to_change(pipe: int) -> None:
    Run.objects.update(setup={"stdin": "none"})
    assert "Run 1 of web was started before its set-up had an input" in refusal()
    Agent.objects.update(stdin="none")
    assert "Set it to `fifo` and restart it" in refusal()


def test_an_agent_without_a_living_program_has_no_input(pipe: int) -> None:
    Run.objects.update(exited_at=timezone.now())
    assert "web is not running: start it" in refusal()
    Run.objects.update(exited_at=None, started_at=None)
    assert "web is not running: start it" in refusal()
    end_of(Run.objects.get(), Status.STOPPED, 0, "it ended")
    assert "web is not running: start it" in refusal()
    Agent.objects.update(run=None)
    assert "web is not running: start it" in refusal()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"kind": "native_llm", "adapter": "native"}, "ask it a task"),
        ({"kind": "external", "node": "external"}, "was started elsewhere"),
        ({"internal": True}, "is a part of the hub itself"),
    ],
)
def test_who_is_no_program_of_the_hubs_agents_has_none(
    pipe: int, columns: dict[str, Any], told: str
) -> None:
    Agent.every.update(**columns)
    assert told in refusal()

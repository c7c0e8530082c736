"""`agents logs`: the bytes as written, of one run or on and on over restarts."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from agents.models import Agent, Run
from agents.policy.states import Status
from agents.supervisor.retention import Bounds, Keeper
from tests.harness.recorded import end_of, run_of
from tests.harness.waiting import until
from tests.management.conftest import Answer, Make, run_agents
from tests.management.conftest import Run as RunCommand

pytestmark = pytest.mark.django_db(transaction=True)


def write(run: Run, stream: str, data: bytes) -> None:
    folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / stream).open("ab") as file:
        file.write(data)


def run_with(agent: Agent, out: bytes = b"", err: bytes = b"") -> Run:
    run = run_of(agent)
    write(run, "out", out)
    write(run, "err", err)
    return run


# One run


def test_out_comes_before_err_with_nothing_added(
    agents: RunCommand, make: Make
) -> None:
    run_with(make("web"), out=b"one\ntwo", err=b"oops\n")
    answer = agents("logs", "web")
    assert (answer.code, answer.out, answer.err) == (0, "one\ntwooops\n", "")


def test_bytes_that_are_no_text_come_as_they_are(make: Make) -> None:
    data = b"\xff\x00\x1b[31m\r\n" * 100_000
    run_with(make("web"), out=data)
    out = io.TextIOWrapper(io.BytesIO())
    call_command("agents", "logs", "web", stdout=out)
    out.seek(0)
    assert out.buffer.read() == data


def test_one_stream_alone_can_be_read(agents: RunCommand, make: Make) -> None:
    run_with(make("web"), out=b"one\n", err=b"oops\n")
    assert agents("logs", "web", "--stream", "err").out == "oops\n"
    assert agents("logs", "web", "--stream", "out").out == "one\n"


def test_tail_counts_the_lines_of_each_stream(agents: RunCommand, make: Make) -> None:
    run_with(make("web"), out=b"1\n2\n3\n", err=b"a\nb\nc")
    assert agents("logs", "web", "--tail", "2").out == "2\n3\nb\nc"
    assert agents("logs", "web", "--tail", "0").out == ""
    assert agents("logs", "web", "--tail", "9").out == "1\n2\n3\na\nb\nc"


def test_the_latest_run_is_shown_unless_another_is_named(
    agents: RunCommand, make: Make
) -> None:
    agent = make("web")
    end_of(run_with(agent, out=b"first\n"), Status.BACKOFF, 3, "exited with 3")
    run_with(agent, out=b"second\n")
    assert agents("logs", "web").out == "second\n"
    assert agents("logs", "web", "--run", "1").out == "first\n"
    answer = agents("logs", "web", "--run", "7")
    assert (answer.code, answer.err) == (1, "web has no run 7. Its runs: 1 to 2.\n")


def test_an_agent_that_has_never_run_has_no_output(
    agents: RunCommand, make: Make
) -> None:
    make("web")
    answer = agents("logs", "web")
    assert (answer.code, answer.out, answer.err) == (0, "", "web has never run.\n")
    assert agents("logs", "web", "--run", "1").code == 1


def test_an_unknown_name_fails(agents: RunCommand, make: Make) -> None:
    make("worker")
    answer = agents("logs", "wrker")
    assert (answer.code, answer.out) == (1, "")
    assert "Did you mean 'worker'?" in answer.err


def test_output_that_is_no_file_fails_with_a_sentence(
    agents: RunCommand, make: Make
) -> None:
    run = run_with(make("web"))
    path = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder / "out"
    path.unlink()
    path.symlink_to("/etc/passwd")
    answer = agents("logs", "web")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("The output cannot be read: not a regular file")


# JSON


def test_json_is_the_apis_shape_of_one_stream(agents: RunCommand, make: Make) -> None:
    run_with(make("web"), out="é\n".encode() * 2, err=b"\xff")
    assert agents("logs", "web", "--json").json == {
        "run": 1,
        "stream": "out",
        "offset": 0,
        "next_offset": 6,
        "eof": True,
        "data": "é\né\n",
    }
    tail = agents("logs", "web", "--json", "--tail", "1").json
    assert (tail["offset"], tail["next_offset"], tail["data"]) == (3, 6, "é\n")
    err = agents("logs", "web", "--json", "--stream", "err").json
    assert (err["stream"], err["data"]) == ("err", "\N{REPLACEMENT CHARACTER}")


def test_json_of_much_output_is_whole(agents: RunCommand, make: Make) -> None:
    run_with(make("web"), out=b"0123456789abcde\n" * 200_000)
    answer = agents("logs", "web", "--json").json
    assert len(answer["data"]) == answer["next_offset"] == 3_200_000


def test_json_of_an_agent_that_has_never_run_is_empty(
    agents: RunCommand, make: Make
) -> None:
    make("web")
    answer = agents("logs", "web", "--json").json
    assert (answer["run"], answer["data"], answer["eof"]) == (None, "", True)


# Searching


def test_a_search_prints_the_lines_with_a_text_in_any_case(
    agents: RunCommand, make: Make
) -> None:
    run_with(make("web"), out=b"one Error\nfine\nERROR two\n", err=b"terror\n")
    answer = agents("logs", "web", "--grep", "error")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "one Error\nERROR two\nterror\n"
    assert agents("logs", "web", "--grep", "error", "--stream", "err").out == "terror\n"


def test_a_search_is_for_the_very_text_and_shows_it_readable(
    agents: RunCommand, make: Make
) -> None:
    run_with(make("web"), out=b"cost: 1.50 (net)\ncost: 1x50\n\x1b[31mred\x1b[0m 1.5\n")
    answer = agents("logs", "web", "--grep", "1.5")
    assert answer.out == "cost: 1.50 (net)\nred 1.5\n"
    assert agents("logs", "web", "--grep", "(net)").out == "cost: 1.50 (net)\n"


def test_a_search_can_be_for_the_newest_matches_and_in_another_run(
    agents: RunCommand, make: Make
) -> None:
    agent = make("web")
    run = run_with(agent, out=b"".join(b"hit %d\nmiss\n" % n for n in range(5)))
    end_of(run, Status.BACKOFF, 3, "exited with 3")
    run_with(agent, out=b"hit of run 2\n")
    assert agents("logs", "web", "--grep", "hit").out == "hit of run 2\n"
    first = agents("logs", "web", "--grep", "hit", "--run", "1", "--tail", "2")
    assert first.out == "hit 3\nhit 4\n"
    assert agents("logs", "web", "--grep", "hit", "--tail", "0").out == ""


def test_a_search_in_json_tells_where_each_match_is(
    agents: RunCommand, make: Make
) -> None:
    run_with(make("web"), out=b"miss\na hit\n", err=b"hit\n")
    assert agents("logs", "web", "--grep", "hit", "--json").json == [
        {"run": 1, "stream": "out", "offset": 5, "line": 2, "text": "a hit"},
        {"run": 1, "stream": "err", "offset": 0, "line": 1, "text": "hit"},
    ]
    assert agents("logs", "web", "--grep", "none", "--json").json == []


def test_a_search_that_finds_nothing_says_so_and_has_not_failed(
    agents: RunCommand, make: Make
) -> None:
    agent = make("web")
    answer = agents("logs", "web", "--grep", "x")
    assert (answer.code, answer.out, answer.err) == (0, "", "web has never run.\n")
    run_with(agent, out=b"one\n")
    answer = agents("logs", "web", "--grep", "x")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "No line of web's run 1 contains 'x'.\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--grep", "x", "--follow"], "--grep and --follow exclude each other"),
        (["--grep", ""], "--grep takes a text of one line"),
        (["--grep", "a\nb"], "--grep takes a text of one line"),
        (["--grep", "x" * 1001], "--grep takes at most 1000 characters"),
    ],
)
def test_a_search_that_makes_no_sense_is_misuse(
    make: Make, arguments: list[str], complaint: str
) -> None:
    make("web")
    with pytest.raises(CommandError, match=complaint):
        call_command("agents", "logs", "web", *arguments)


# Following


class Pipe:
    """What a command writes into a pipe, as it comes."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.raw = io.FileIO(writer, "wb")
        self.writer = io.TextIOWrapper(io.BufferedWriter(self.raw))
        self.heard = b""

    def hears(self, text: str) -> bool:
        with suppress(BlockingIOError):
            self.heard += os.read(self.reader, 1 << 20)
        return text in self.heard.decode(errors="replace")


@contextmanager
def following(*arguments: str) -> Iterator[Pipe]:
    """`agents logs --follow` in a thread, until its reader goes away."""
    pipe = Pipe()

    def follow() -> None:
        try:
            call_command("agents", "logs", "--follow", *arguments, stdout=pipe.writer)
        finally:
            connection.close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield pipe
    finally:
        os.close(pipe.reader)
        thread.join(10)
        assert not thread.is_alive()
        pipe.raw.close()
        with suppress(ValueError):
            pipe.writer.detach().detach()


def test_following_goes_on_with_both_streams(make: Make) -> None:
    run = run_with(make("web"), out=b"old\n", err=b"older\n")
    with following("web") as pipe:
        until(lambda: pipe.hears("old\nolder\n"))
        write(run, "err", b"oops\n")
        until(lambda: pipe.hears("oops\n"))
        write(run, "out", b"new")
        until(lambda: pipe.hears("new"))
    assert pipe.heard == b"old\nolder\noops\nnew"


def test_following_can_begin_with_the_tail(make: Make) -> None:
    run = run_with(make("web"), out=b"1\n2\n3\n")
    with following("web", "--tail", "1", "--stream", "out") as pipe:
        until(lambda: pipe.hears("3\n"))
        write(run, "err", b"not asked for\n")
        write(run, "out", b"4\n")
        until(lambda: pipe.hears("4\n"))
    assert pipe.heard == b"3\n4\n"


def test_following_goes_on_with_the_next_run_and_loses_nothing(make: Make) -> None:
    agent = make("web")
    end_of(run_with(agent, out=b"first\n"), Status.BACKOFF, 3, "exited with 3")
    with following("web") as pipe:
        until(lambda: pipe.hears("first\n"))
        for number in range(1, 4):
            run = run_with(agent, out=f"begin {number}\n".encode())
            write(run, "out", f"end {number}\n".encode())
            end_of(run, Status.BACKOFF, 3, "exited with 3")
        until(lambda: pipe.hears("end 3\n"))
    expected = "".join(f"begin {n}\nend {n}\n" for n in range(1, 4))
    assert pipe.heard.decode() == "first\n" + expected


def test_following_has_every_line_while_old_output_is_given_back(make: Make) -> None:
    run = run_with(make("web"))
    folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
    keeper = Keeper(Bounds(stream=64 * 1024, agent=1 << 20, slack=16 * 1024))
    written = b""
    with following("web", "--stream", "out") as pipe:
        for step in range(20):
            lines = (
                b"line %08d of many\n" % n
                for n in range(step * 2000, step * 2000 + 2000)
            )
            piece = b"".join(lines)
            written += piece
            write(run, "out", piece)
            until(lambda piece=piece: pipe.hears(piece[-24:].decode()))  # type: ignore[misc]
            keeper.look([folder])
    assert pipe.heard == written
    answer = run_agents("logs", "web", "--json").json
    assert 500_000 < answer["offset"] < answer["next_offset"] == len(written)
    assert answer["data"].encode() == written[answer["offset"] :]
    assert run_agents("logs", "web").out.encode() == written[answer["offset"] :]
    found = run_agents("logs", "web", "--grep", "line 00039999", "--json").json
    assert [one["offset"] for one in found] == [39_999 * 22]


def test_following_waits_for_the_first_run(make: Make) -> None:
    agent = make("web")
    with following("web") as pipe:
        run_with(agent, out=b"first\n")
        until(lambda: pipe.hears("first\n"))


def test_following_one_run_ends_with_that_run(make: Make) -> None:
    agent = make("web")
    run = run_with(agent, out=b"only\n")
    answers: list[Answer] = []

    def follow() -> None:
        answers.append(run_agents("logs", "web", "--follow", "--run", "1"))
        connection.close()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    write(run, "out", b"last\n")
    end_of(run, Status.BACKOFF, 3, "exited with 3")
    run_with(agent, out=b"not this one\n")
    thread.join(10)
    assert not thread.is_alive()
    (answer,) = answers
    assert (answer.code, answer.out) == (0, "only\nlast\n")


def test_following_in_json_is_a_line_for_each_piece(make: Make) -> None:
    run = run_with(make("web"), out=b"one\n\xc3")
    with following("web", "--json") as pipe:
        until(lambda: pipe.hears("one"))
        write(run, "out", b"\xa9\n")
        until(lambda: pipe.hears("00e9"))
    first, second = [json.loads(line) for line in pipe.heard.splitlines()]
    assert (first["offset"], first["next_offset"], first["data"]) == (0, 4, "one\n")
    assert (second["offset"], second["next_offset"], second["data"]) == (4, 7, "é\n")
    assert second.keys() == {"run", "stream", "offset", "next_offset", "eof", "data"}


def test_following_ends_when_the_agent_is_deleted(make: Make) -> None:
    agent = make("web")
    run_with(agent, out=b"bye\n")
    with following("web") as pipe:
        until(lambda: pipe.hears("bye\n"))
        Agent.objects.filter(pk=agent.pk).delete()


def test_a_reader_that_has_gone_ends_the_following_without_a_word(make: Make) -> None:
    run_with(make("web"), out=b"one\n")
    with following("web") as pipe:
        until(lambda: pipe.hears("one\n"))
    assert pipe.heard == b"one\n"

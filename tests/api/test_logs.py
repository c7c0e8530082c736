"""Output over the API: byte offsets stay true, whatever the bytes are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from agents.policy.states import Status
from tests.api.conftest import Program
from tests.api.test_callers import with_token
from tests.harness.recorded import end_of, run_of
from tests.pages.conftest import MakeAgent, Write, make_agent, write

__all__ = ["make_agent", "write"]
WILD = "größer 🙂\n".encode() + b"\xff\xfe broken\n" + "zum Schluß\n".encode()


def test_output_is_read_piece_by_piece_to_its_end(
    make_agent: MakeAgent, write: Write, viewer: Program
) -> None:
    run = run_of(make_agent("web"))
    write(run, "out", WILD)
    offset, text = 0, ""
    for _ in range(len(WILD)):
        answer = viewer.get(f"agents/web/logs?offset={offset}&limit=5").json()
        assert (answer["run"], answer["stream"]) == (1, "out")
        assert answer["offset"] == offset
        offset, text = answer["next_offset"], text + answer["data"]
        if answer["eof"]:
            break
    assert offset == len(WILD)
    assert text == WILD.decode(errors="replace")
    more = viewer.get(f"agents/web/logs?offset={offset}").json()
    assert (more["data"], more["next_offset"], more["eof"]) == ("", offset, True)


def test_the_bytes_can_be_had_as_they_were_written(
    make_agent: MakeAgent, write: Write, viewer: Program
) -> None:
    write(run_of(make_agent("web")), "err", WILD)
    answer = viewer.get("agents/web/logs/raw?stream=err&limit=9&offset=3")
    assert answer.content == WILD[3:12]
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["AgentHub-Offset"] == "3"
    assert answer["AgentHub-Next-Offset"] == "12"
    assert answer["AgentHub-EOF"] == "false"


def test_a_tail_begins_with_a_line_and_says_where(
    make_agent: MakeAgent, write: Write, viewer: Program
) -> None:
    write(run_of(make_agent("web")), "out", b"one\ntwo\nthree\n")
    tail = viewer.get("agents/web/logs?tail=2").json()
    assert (tail["offset"], tail["data"]) == (4, "two\nthree\n")
    # Following goes on with the offset, and may leave `tail` where it was.
    after = viewer.get(f"agents/web/logs?tail=2&offset={tail['next_offset']}").json()
    assert after["data"] == ""


def test_an_earlier_run_is_read_by_its_number(
    make_agent: MakeAgent, write: Write, viewer: Program
) -> None:
    agent = make_agent("web")
    assert viewer.get("agents/web/logs").json()["run"] is None
    assert viewer.get("agents/web/logs/raw").content == b""
    for number in (1, 2):
        run = run_of(agent)
        write(run, "out", f"run {number}".encode())
        end_of(run, Status.STOPPED, 0, "completed")
    assert viewer.get("agents/web/logs").json()["data"] == "run 2"
    assert viewer.get("agents/web/logs?run=1").json()["data"] == "run 1"
    answer = viewer.get("agents/web/logs?run=3")
    assert answer.status_code == 404
    assert "no run 3" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=2000000", "offset=-1", "stream=both", "tail=-1", "from=1"],
)
def test_what_cannot_be_read_so_is_named(
    make_agent: MakeAgent, viewer: Program, query: str
) -> None:
    make_agent("web")
    for path in ("logs", "logs/raw"):
        answer = viewer.get(f"agents/web/{path}?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_what_an_agent_puts_in_the_place_of_its_output_is_not_followed(
    make_agent: MakeAgent, viewer: Program
) -> None:
    run = run_of(make_agent("web"))
    folder = Path(settings.AGENTHUB_DATA_DIR) / "runs" / run.folder
    folder.mkdir(parents=True)
    (folder / "out").symlink_to("/etc/passwd")
    for path in ("logs", "logs/raw", "logs?tail=3"):
        answer = viewer.get(f"agents/web/{path}")
        assert answer.status_code == 409
        assert "root:" not in answer.content.decode()


def test_a_run_reads_its_own_output_only(
    make_agent: MakeAgent, write: Write, stranger: Program
) -> None:
    make_agent("other")
    own = with_token(run_of(make_agent("web")))
    for path in ("logs", "logs/raw"):
        assert own.get(f"agents/web/{path}").status_code == 200
        assert own.get(f"agents/other/{path}").status_code == 403
        assert stranger.get(f"agents/web/{path}").status_code == 401

"""Scenarios 12 to 14: any amount of anything is written, kept and shown.

What shows it runs in a process of its own, so that its memory can be measured.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from agents.policy.states import Status
from agents.services.logs import default_log_store
from agents.services.output import Cursor, follow
from tests.harness.processes import ROOT, program
from tests.harness.supervisor import Actor, Cast, seconds_since
from tests.harness.waiting import until

pytestmark = pytest.mark.usefixtures("supervisor")

MIB = 1 << 20
# What a reader may take beyond what its process had before, however long the output.
MODEST = 8 * MIB

LINE = re.compile(r'<div class="line out">(.*?)</div>')

READER = """
import io, json, sys, time
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from agents.services.logs import default_log_store
from agents.services.output import Cursor, follow, tail

folder, database, what, *more = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = database
store = default_log_store()

class Sink(io.RawIOBase):
    count = 0
    def writable(self):
        return True
    def write(self, data):
        self.count += len(data)
        return len(data)

def peak():
    # Not ru_maxrss, which a child begins with its parent's.
    with open("/proc/self/status") as file:
        return next(int(l.split()[1]) for l in file if l.startswith("VmHWM")) << 10

def command(*arguments):
    sink = Sink()
    out = io.TextIOWrapper(io.BufferedWriter(sink), write_through=True)
    call_command("agents", "logs", *arguments, stdout=out)
    out.flush()
    return {"bytes": sink.count}

def page():
    piece = tail(store, folder, "out", "/download", final=False)
    return {"bytes": len(piece.html + piece.partial)}

def followed():
    cursor, most = Cursor(), 0
    while (piece := follow(store, folder, "out", cursor, "", final=True)) is not None:
        cursor, most = piece.cursor, max(most, len(piece.html + piece.partial))
    return {"bytes": most}

def search(text):
    return {"matches": len(store.search(folder, "out", text))}

def download():
    return {"bytes": sum(len(chunk) for chunk in store.chunks(folder, "out"))}

call_command("agents", "summary", stdout=io.StringIO())
before, begun = peak(), time.monotonic()
found = globals()[what](*more)
took = time.monotonic() - begun
print(json.dumps({"memory": peak() - before, "seconds": took, **found}))
"""


def read_as(what: str, agent: Actor, data: Path, *more: str) -> dict[str, float]:
    """What such a reader found, the memory it took and the seconds."""
    folder = agent.runs()[0].folder
    database = str(connection.settings_dict["NAME"])
    done = subprocess.run(
        [sys.executable, "-c", READER, folder, database, what, *more],
        env={
            "AGENTHUB_DATA_DIR": str(data),
            "DJANGO_SETTINGS_MODULE": "agenthub.settings",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    print(what, *more, found)
    return found


def written(agent: Actor) -> Actor:
    """The agent once its program has written all."""
    until(lambda: agent.noted("written"), timeout=30, every=0.005, what="the writing")
    return agent


def seconds_into_a_plain_file(tmp_path: Path, *arguments: str) -> float:
    """How long the same program takes to write the same without a hub."""
    marker, plain = tmp_path / "plain.marker", tmp_path / "plain"
    begun = time.monotonic()
    with (
        plain.open("wb") as file,
        subprocess.Popen(
            program(*arguments), stdout=file, env={"MARKER": str(marker)}
        ) as process,
    ):
        until(
            lambda: marker.exists() and "written" in marker.read_text(),
            timeout=30,
            every=0.005,
            what="the plain writing",
        )
        took = seconds_since(begun)
        process.kill()
    plain.unlink()
    return took


def test_12_a_hundred_megabytes_without_a_newline_hold_nobody_up(
    cast: Cast, data: Path, tmp_path: Path
) -> None:
    plain = seconds_into_a_plain_file(tmp_path, "long_line", "100")
    agent = cast("long_line", "100")
    begun = time.monotonic()
    written(agent.start())
    assert seconds_since(begun) <= 3 * plain + 1
    assert agent.look().status == Status.RUNNING
    store, folder = default_log_store(), agent.runs()[0].folder
    assert store.extent(folder, "out").end == 100 * MIB
    # Kept is at least the newest 64 MiB, and read is what was written.
    piece = b"0123456789" * 6553 + b"abc"
    start = store.extent(folder, "out").start
    assert start <= 36 * MIB
    offset = start
    for chunk in store.chunks(folder, "out"):
        expected = (piece * (len(chunk) // len(piece) + 2))[offset % len(piece) :]
        assert chunk == expected[: len(chunk)]
        offset += len(chunk)
    assert offset == 100 * MIB


def test_12_a_hundred_megabytes_without_a_newline_are_shown_in_bounded_memory(
    cast: Cast, data: Path
) -> None:
    agent = written(cast("long_line", "100").start())
    name = agent.row.name
    shown = read_as("page", agent, data)
    assert 0 < shown["bytes"] < MIB
    followed = read_as("followed", agent, data)
    assert 0 < followed["bytes"] < MIB
    found = read_as("search", agent, data, "9abc0")
    assert found["matches"] == 200
    whole = read_as("download", agent, data)
    as_bytes = read_as("command", agent, data, name)
    as_json = read_as("command", agent, data, name, "--json")
    tail = read_as("command", agent, data, name, "--tail", "10")
    grep = read_as("command", agent, data, name, "--grep", "9abc0")
    for everything in (whole, as_bytes, as_json):
        # Old output may be given back between one reader and the next.
        assert 64 * MIB <= everything["bytes"] <= 100 * MIB + 200
    assert 0 < tail["bytes"] <= 4 * MIB
    assert grep["bytes"] > 100_000
    readers = (shown, followed, found, whole, as_bytes, as_json, tail, grep)
    assert max(reader["memory"] for reader in readers) <= MODEST


def test_13_a_million_lines_are_in_the_file_to_the_last(
    cast: Cast, data: Path, tmp_path: Path
) -> None:
    agent = cast("flood", "1000000").start()
    until(lambda: b"ready" in end_of(agent), timeout=30, what="the flood's end")
    with (agent.folder() / "out").open("rb") as file:
        for number in range(1, 1_000_001):
            assert file.readline() == b"line %d\n" % number
        assert file.read() == b"ready\n"
    shown = read_as("page", agent, data)
    assert shown["bytes"] < MIB
    found = read_as("search", agent, data, "line 99999")
    assert found["matches"] == 11
    assert max(shown["memory"], found["memory"]) <= MODEST


def test_13_a_page_that_cannot_follow_a_flood_says_how_much_it_skips(
    cast: Cast,
) -> None:
    agent = cast("flood", "300000").start()
    until(lambda: b"ready" in end_of(agent), timeout=30, what="the flood's end")
    store, folder = default_log_store(), agent.runs()[0].folder
    piece = follow(store, folder, "out", Cursor(), "/all", final=False)
    assert piece is not None
    assert re.search(r"3\.\d MB skipped · <a href=\"/all\" download>", piece.html)
    assert "line 300000" in piece.html
    assert len(piece.html) < MIB


def end_of(agent: Actor) -> bytes:
    path = agent.folder() / "out"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 100))
        return file.read()


def test_14_torn_letters_colours_and_progress_bars_are_shown_as_meant(
    cast: Cast, vera: User
) -> None:
    rounds = 90  # As many lines as one look at a page may take, whoever is slow.
    agent = cast("mess", str(rounds)).start()
    store, folder = default_log_store(), agent.runs()[0].folder
    html, cursor, over = "", Cursor(), False
    # Read while it is written, so that reads end anywhere.
    while True:
        piece = follow(store, folder, "out", cursor, "", final=False)
        if piece is None:
            if over:
                break
            over = bool(agent.noted("written"))
            continue
        html, cursor = html + piece.html, piece.cursor
    lines = [unescape(line) for line in LINE.findall(html)]
    expected = []
    for number in range(rounds):
        expected += [
            "\N{EURO SIGN} torn \ufffd\ufffd wrong",
            '\u2400\u2400 nul <span class="a-red">red</span>',
            f" 100 % of {number}",
        ]
    assert lines == expected
    # The whole page, its search and its download tell the same.
    browser = Client()
    browser.force_login(vera)
    page = browser.get(f"/agents/{agent.row.name}/")
    assert page.status_code == 200
    assert "\N{EURO SIGN} torn \ufffd\ufffd wrong" in page.content.decode()
    assert f" 100 % of {rounds - 1}" in page.content.decode()
    found = browser.get(f"/agents/{agent.row.name}/search/", {"q": "% of 7"})
    assert found.status_code == 200

"""An answer in the making: all of it, or what came since, and never a step twice."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from agents.policy.live_text import Live, Pen
from agents.services.live_answers import (
    LONGEST,
    READ,
    Place,
    Source,
    current,
    further,
    source_of,
)
from agents.services.logs import LogStore
from tests.harness.engine import Engine, asked, said, thinker

FOLDER = "thinker/000001-abcd"
SOURCE = Source(7, 1, FOLDER)


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir(parents=True)
    return tmp_path / FOLDER / "task-7"


def add(file: Path, data: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(data)


def test_without_a_file_nothing_is_said(store: LogStore) -> None:
    assert current(store, SOURCE).live == Live("", "")
    assert further(store, SOURCE, Place()) is None


def test_a_reader_gets_all_of_it_and_then_what_comes(
    store: LogStore, file: Path
) -> None:
    pen = Pen()
    add(file, pen.begin() + pen.thinking("Hm. ") + pen.text("It is"))
    heard = current(store, SOURCE)
    assert (heard.live, heard.fresh) == (Live("Hm. ", "It is"), True)
    assert further(store, SOURCE, heard.place) is None
    add(file, pen.text(" good.") + pen.thinking("Or"))
    more = further(store, SOURCE, heard.place)
    assert more is not None
    assert (more.live, more.fresh, more.place.thinks) == (
        Live("Or", " good."),
        False,
        True,
    )
    add(file, pen.thinking(" not"))
    last = further(store, SOURCE, more.place)
    assert last is not None
    assert last.live == Live(" not", "")


def test_an_answer_that_begins_again_takes_the_place_of_the_last(
    store: LogStore, file: Path
) -> None:
    pen = Pen()
    add(file, pen.begin() + pen.text("wrong"))
    place = current(store, SOURCE).place
    add(file, pen.text("er") + pen.begin() + pen.text("right"))
    heard = further(store, SOURCE, place)
    assert heard is not None
    assert (heard.live, heard.fresh) == (Live("", "right"), True)


def test_half_a_character_is_waited_for(store: LogStore, file: Path) -> None:
    add(file, b"\x1e\xe2\x82")
    heard = current(store, SOURCE)
    assert heard.live == Live("", "")
    assert further(store, SOURCE, heard.place) is None
    add(file, b"\xac")
    more = further(store, SOURCE, heard.place)
    assert more is not None
    assert more.live == Live("", "€")


def test_what_has_become_a_step_is_not_shown_a_second_time(
    store: LogStore, file: Path
) -> None:
    pen = Pen()
    add(file, pen.begin() + pen.text("It is good."))
    committed = timezone.now()
    before = (committed - timedelta(seconds=1)).timestamp()
    os.utime(file, (before, before))
    heard = current(store, replace(SOURCE, said_at=committed))
    assert heard.live == Live("", "")
    # The next answer goes on from there.
    add(file, pen.begin() + pen.text("And"))
    more = further(store, SOURCE, heard.place)
    assert more is not None
    assert more.live == Live("", "And")
    after = (committed + timedelta(seconds=1)).timestamp()
    os.utime(file, (after, after))
    assert current(store, replace(SOURCE, said_at=committed)).live == Live("", "And")


def test_of_a_very_long_answer_the_end_is_shown(store: LogStore, file: Path) -> None:
    add(file, b"\x1e" + b"a" * 2_000_000 + b"end")
    heard = current(store, SOURCE)
    assert len(heard.live.text) == LONGEST
    assert heard.live.text.endswith("aend")
    assert heard.place.offset == 2_000_004


def test_a_reader_far_behind_is_taken_to_the_end(store: LogStore, file: Path) -> None:
    pen = Pen()
    add(file, pen.begin() + pen.thinking("t" * (READ + 100)) + pen.text("end"))
    heard = further(store, SOURCE, Place(0))
    assert heard is not None
    assert heard.fresh
    assert heard.live.text == "end"
    assert set(heard.live.thinking) == {"t"}


def test_something_else_in_the_place_of_the_file_is_refused(
    store: LogStore, file: Path
) -> None:
    file.symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="not a regular file"):
        current(store, SOURCE)
    with pytest.raises(ValueError, match="not a folder of output"):
        current(store, replace(SOURCE, folder="../.."))


@pytest.mark.django_db
def test_an_answer_is_given_where_the_task_is_worked_on() -> None:
    task = asked(thinker())
    assert source_of(task.pk) == Source(task.pk)
    engine = Engine.at_work(task)
    engine.commit(said("Well"))
    source = source_of(task.pk)
    assert (source.run, source.folder) == (1, engine.run.folder)
    assert source.said_at == task.steps.get(number=2).at
    engine.end()
    assert source_of(task.pk) == Source(task.pk)
    assert source_of(4711) == Source(4711)

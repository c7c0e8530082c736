"""Words on their way to files: in order, soon, and never in the loop's way."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from agents.execution import writing
from agents.execution.writing import Writer


def test_everything_is_in_its_file_and_in_order(tmp_path: Path) -> None:
    async def write() -> None:
        writer = Writer()
        for number in range(2_000):
            writer.append(tmp_path / f"{number % 3}", b"%d\n" % number)
            if number % 100 == 0:
                await asyncio.sleep(0.001)
        await writer.close()

    asyncio.run(write())
    for name in range(3):
        lines = (tmp_path / str(name)).read_text().split()
        assert lines == [str(n) for n in range(name, 2_000, 3)]


def test_it_is_written_soon_without_being_asked(tmp_path: Path) -> None:
    async def write() -> None:
        writer = Writer()
        for word in (b"one", b"two"):
            writer.append(tmp_path / "file", word)
            async with asyncio.timeout(5):
                while (
                    not (tmp_path / "file").exists()
                    or word not in (tmp_path / "file").read_bytes()
                ):
                    await asyncio.sleep(0.005)
        await writer.close()

    asyncio.run(write())


def test_a_file_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    async def write() -> None:
        writer = Writer()
        writer.append(tmp_path / "no" / "such" / "folder", b"lost")
        writer.append(tmp_path / "kept", b"kept")
        await writer.close()

    asyncio.run(write())
    assert (tmp_path / "kept").read_bytes() == b"kept"


def test_no_disk_is_touched_on_the_loops_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    write = writing._write

    def noting(gathered: dict[Path, list[bytes]]) -> None:
        threads.add(threading.current_thread().name)
        write(gathered)

    monkeypatch.setattr(writing, "_write", noting)

    async def run() -> None:
        writer = Writer()
        writer.append(tmp_path / "file", b"x")
        await writer.close()

    asyncio.run(run())
    assert threads == {"execution-write_0"}

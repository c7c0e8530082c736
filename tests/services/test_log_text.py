"""Output as text: no character is cut, no byte is lost, and offsets are of bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.services import log_text
from agents.services.logs import LogStore

PIECES = st.lists(
    st.one_of(
        st.text(max_size=6).map(lambda text: text.encode()), st.binary(max_size=6)
    )
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LogStore:
    root = tmp_path_factory.mktemp("runs")
    (root / "a").mkdir()
    return LogStore(root)


def written(store: LogStore, data: bytes) -> None:
    (Path(store.root) / "a" / "out").write_bytes(data)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(PIECES.map(b"".join), st.integers(1, 9))
def test_pieces_of_any_size_make_the_whole_text(
    store: LogStore, data: bytes, limit: int
) -> None:
    written(store, data)
    text, offset, pieces = "", 0, 0
    while True:
        piece = log_text.read(store, "a", "out", offset, limit, final=True)
        assert piece.offset == offset
        text, offset, pieces = text + piece.data, piece.next_offset, pieces + 1
        if piece.eof:
            break
        assert pieces <= len(data)
    assert offset == len(data)
    valid = _is_text(data)
    assert not valid or text == data.decode()
    assert text.replace("\ufffd", "") == data.decode(errors="ignore").replace(
        "\ufffd", ""
    )


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=8), st.integers(0, 20), st.integers(1, 5))
def test_half_a_character_waits_for_its_other_half(
    store: LogStore, text: str, cut: int, limit: int
) -> None:
    data = text.encode()
    written(store, data[:cut])
    first, offset = "", 0
    while True:
        piece = log_text.read(store, "a", "out", offset, limit, final=False)
        first, offset = first + piece.data, piece.next_offset
        if piece.eof:
            break
    assert "\ufffd" not in first.replace("\ufffd", "", text.count("\ufffd"))
    written(store, data)
    rest = log_text.read(store, "a", "out", offset, 100, final=True)
    assert first + rest.data == text


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

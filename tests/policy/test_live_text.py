"""What a pen writes is read back, in whatever pieces it arrives."""

from __future__ import annotations

import random

import pytest

from agents.policy.live_text import Live, Part, Pen, latest, part


def written(*said: tuple[str, str]) -> bytes:
    pen = Pen()
    ways = {"thinking": pen.thinking, "text": pen.text}
    return pen.begin() + b"".join(ways[how](what) for how, what in said)


def in_pieces(data: bytes, cuts: list[int]) -> Live:
    """Read as a follower does: from where it was, what has come since."""
    thinking = text = ""
    offset, thinks = 0, False
    for end in [*cuts, len(data)]:
        new = part(data[offset:end], thinks=thinks)
        if new.fresh:
            thinking = text = ""
        thinking, text = thinking + new.live.thinking, text + new.live.text
        offset, thinks = offset + new.length, new.thinks
    return Live(thinking, text)


def test_nothing_was_said_before_an_answer_begins() -> None:
    assert latest(b"") == Live("", "")
    assert latest(Pen().begin()) == Live("", "")


def test_thinking_and_text_are_kept_apart_in_any_order() -> None:
    data = written(
        ("text", "Let me see. "),
        ("thinking", "What was "),
        ("thinking", "asked?"),
        ("text", "It is "),
        ("thinking", " Surely."),
        ("text", "done."),
    )
    assert latest(data) == Live("What was asked? Surely.", "Let me see. It is done.")


def test_a_turn_is_marked_only_where_it_is_made() -> None:
    data = written(("text", "a"), ("text", "b"), ("thinking", ""), ("text", "c"))
    assert data == b"\x1eabc"
    assert written(("thinking", "a"), ("thinking", "b")) == b"\x1e\x0eab"


def test_an_answer_that_begins_voids_the_one_before_and_its_turn() -> None:
    pen = Pen()
    data = pen.begin() + pen.thinking("wrong") + pen.begin() + pen.text("right")
    assert latest(data) == Live("", "right")
    assert latest(data + pen.begin()) == Live("", "")


@pytest.mark.parametrize("mark", ["\x0e", "\x0f", "\x1e"])
def test_what_a_model_says_is_never_taken_for_a_mark(mark: str) -> None:
    data = written(("text", f"a{mark}b"), ("thinking", mark), ("text", mark + "c"))
    assert latest(data) == Live("", "abc")


def test_other_control_characters_are_the_models_own() -> None:
    said = "\0\t\r\n\x1b[31m\x7f\x85\u2028"
    assert latest(written(("text", said))) == Live("", said)


def test_half_a_character_is_left_out_rather_than_refused() -> None:
    assert latest(written(("text", "a\ud83d"), ("text", "\ude00b"))) == Live("", "ab")


@pytest.mark.parametrize("letter", ["é", "€", "😀"])
def test_a_character_that_is_not_all_there_is_waited_for(letter: str) -> None:
    data = written(("text", "a" + letter))
    for cut in range(1, len(letter.encode())):
        assert part(data[:-cut]).live == Live("", "a")
        assert in_pieces(data, [len(data) - cut]) == Live("", "a" + letter)


def test_a_torn_write_costs_its_own_character_only() -> None:
    assert latest(b"\x1ea\xe2\x82\x0eb\xff\x0fc") == Live("b\ufffd", "a\ufffdc")


def test_reading_on_says_where_and_in_what() -> None:
    assert part(b"ab\xe2\x82") == Part(Live("", "ab"), False, False, 2)
    assert part(b"ab", thinks=True) == Part(Live("ab", ""), False, True, 2)
    assert part(b"ab\x1ecd", thinks=True) == Part(Live("", "cd"), True, False, 5)
    assert part(b"a\x0eb") == Part(Live("b", "a"), False, True, 3)


def test_it_is_read_the_same_in_whatever_pieces_it_arrives() -> None:
    dice = random.Random(4)
    words = ["so ", "größer", "漢字", "😀", "\x1e", "\x0e\x0f", "\n", ""]
    for _ in range(300):
        pen, data = Pen(), b""
        for _ in range(dice.randrange(12)):
            how, word = dice.choice(("text", "thinking", "begin")), dice.choice(words)
            data += pen.begin() if how == "begin" else getattr(pen, how)(word)
        cuts = sorted(dice.choices(range(len(data) + 1), k=dice.randrange(6)))
        assert in_pieces(data, cuts) == latest(data), (data, cuts)


def test_any_bytes_at_all_are_read() -> None:
    dice = random.Random(5)
    for _ in range(300):
        data = bytes(dice.choices([0x0E, 0x0F, 0x1E, 0x61, 0x80, 0xE2, 0xF0], k=20))
        latest(data)
        assert part(data).length <= len(data)

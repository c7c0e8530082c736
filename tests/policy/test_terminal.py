"""What a program wrote, and what a person then sees of it."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from agents.policy.ansi import PLAIN, Style, apply_sgr, classes, nearest
from agents.policy.terminal import (
    ENOUGH,
    LONGEST_PIECE,
    MAX_LINE,
    Line,
    Span,
    plain,
    render_lines,
    to_html,
)


def all_lines(data: bytes) -> tuple[Line, ...]:
    return render_lines(data, 0, final=True).lines


def only_line(data: bytes) -> Line:
    (line,) = all_lines(data)
    return line


def test_every_line_knows_its_byte_offset_in_the_file() -> None:
    rendered = render_lines("é\nb\n\nc\n".encode(), 100, final=False)
    assert [(line.offset, line.text) for line in rendered.lines] == [
        (100, "é"),
        (103, "b"),
        (105, ""),
        (106, "c"),
    ]
    assert rendered.next_offset == 108


def test_an_unfinished_line_waits_until_it_is_final() -> None:
    waiting = render_lines(b"done\nhalf", 0, final=False)
    assert [line.text for line in waiting.lines] == ["done"]
    assert waiting.next_offset == 5
    ended = render_lines(b"half", 5, final=True)
    assert [(line.offset, line.text) for line in ended.lines] == [(5, "half")]
    assert ended.next_offset == 9


@pytest.mark.parametrize("final", [False, True])
def test_no_bytes_give_no_lines(final: bool) -> None:
    rendered = render_lines(b"", 7, final=final)
    assert (rendered.lines, rendered.next_offset) == ((), 7)


@pytest.mark.parametrize(
    "half", ["é".encode()[:1], "🙂".encode()[:3], b"\x1b", b"\x1b[3", b"\x1b]0;ti"]
)
def test_a_sequence_split_at_the_end_is_not_consumed(half: bytes) -> None:
    assert render_lines(b"a\n" + half, 0, final=False).next_offset == 2
    assert render_lines(b"a\n" + half, 0, final=True).next_offset == 2 + len(half)


def test_invalid_utf8_is_shown_as_replacement_characters() -> None:
    assert only_line(b"a\xff\xc3b\xe2\x82\n").text == "a\ufffd\ufffdb\ufffd"


def test_control_characters_are_made_visible() -> None:
    assert only_line(b"a\0b\x07\x0b\x7f\x1bz\n").text == "a␀b␇␋␡"
    assert only_line(b"a\x1b\x01").text == "a␛␁"


def test_tabs_stay_tabs() -> None:
    assert only_line(b"a\tb\n").text == "a\tb"


def test_characters_that_reorder_a_line_or_are_controls_in_unicode_are_replaced() -> (
    None
):
    assert only_line("a\u202eb\u2066c\u009bd\n".encode()).text == "a�b�c�d"


def test_a_progress_bar_shows_only_its_last_state() -> None:
    assert only_line(b" 10% a long one\r 50%\r100%\n").text == "100%"


def test_a_progress_bar_in_two_colours_is_shown_whole() -> None:
    line = only_line(b"50%\r\x1b[32m====\x1b[31m----\x1b[m 60%\n")
    assert line.text == "====---- 60%"


def test_a_progress_bar_that_only_returned_keeps_its_last_state() -> None:
    assert only_line(b"50%\r100%\r").text == "100%"
    assert only_line(b"50%\r\x1b[0m\n").text == "50%"


def test_windows_line_ends_leave_no_trace() -> None:
    assert [line.text for line in all_lines(b"a\r\nb\r\r\n")] == ["a", "b"]


def test_a_backspace_takes_back_one_character() -> None:
    assert only_line("|\b/\bé\b-done".encode()).text == "-done"
    assert only_line(b"a\x1b[31mb\b\b\b\x1b[mc").spans == (Span("c"),)


def test_a_spinner_of_backspaces_never_fills_the_line() -> None:
    assert only_line(b"|\b/\b" * 5000 + b"ok\n") == Line(0, (Span("ok"),))
    assert only_line("é\b€\b".encode() * 3000 + b"ok\n") == Line(0, (Span("ok"),))
    assert only_line(b"\xff\b\0\b" * 5000 + b"ok\n") == Line(0, (Span("ok"),))


def test_backspaces_over_stand_ins_do_not_make_room_for_more() -> None:
    line = only_line(b"\xff\b\0\b" * 1000 + b"x" * 10_000)
    assert (line.text, line.cut) == ("x" * MAX_LINE, 10_000 - MAX_LINE)


def test_a_backspace_after_a_return_takes_nothing_back() -> None:
    assert only_line(b"abc\r\b\n").text == "abc"


def test_colours_become_class_names() -> None:
    assert only_line(b"a\x1b[1;31;44mb\x1b[0mc\x1b[92;107md\n").spans == (
        Span("a"),
        Span("b", ("a-bold", "a-red", "a-bg-blue")),
        Span("c"),
        Span("d", ("a-bright-green", "a-bg-bright-white")),
    )


def test_spans_of_one_style_are_one_span() -> None:
    assert only_line(b"\x1b[31ma\x1b[31mb\x1b[2Kc\n").spans == (
        Span("abc", ("a-red",)),
    )


def test_a_style_carries_over_to_the_next_line_and_call() -> None:
    first = render_lines(b"\x1b[31ma\nb\n", 0, final=False)
    assert first.lines[1].spans == (Span("b", ("a-red",)),)
    again = render_lines(b"c\n", first.next_offset, final=False, style=first.style)
    assert again.lines[0].spans == (Span("c", ("a-red",)),)
    assert render_lines(b"c\n", 9, final=False).lines[0].spans == (Span("c"),)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        (b"1;2;3;4;7", ("a-bold", "a-dim", "a-italic", "a-underline", "a-inverse")),
        (b"1;2;22", ()),
        (b"3;23", ()),
        (b"4;24", ()),
        (b"7;27", ()),
        (b"4:3", ("a-underline",)),
        (b"4;4:0", ()),
        (b"1;", ()),
        (b"31;39;41;49", ()),
        (b"38;5;9;1", ("a-bold", "a-bright-red")),
        (b"38;5;196", ("a-bright-red",)),
        (b"48;5;232", ("a-bg-black",)),
        (b"38;2;250;10;10;4", ("a-underline", "a-bright-red")),
        (b"38:2::0:0:230", ("a-blue",)),
        (b"38:2:0:0:230", ("a-blue",)),
        (b"38:5:2;1", ("a-bold", "a-green")),
        (b"38;5;999", ()),
        (b"38;2;1;2", ()),
        (b"38;1", ()),
        (b"38", ()),
        (b"99999999999;31", ("a-red",)),
        (b"8", ()),
    ],
)
def test_sgr_parameters_mean(parameters: bytes, names: tuple[str, ...]) -> None:
    assert classes(apply_sgr(PLAIN, parameters)) == names


def test_the_sixteen_colours_are_nearest_to_themselves() -> None:
    assert [nearest(205, 0, 0), nearest(127, 127, 127), nearest(255, 255, 255)] == [
        1,
        8,
        15,
    ]
    assert apply_sgr(PLAIN, b"38;5;231") == Style(fg=15)


@pytest.mark.parametrize(
    "dropped",
    [
        b"\x1b[2J",
        b"\x1b[?25l",
        b"\x1b[>4;2m",
        b"\x1b[10;20H",
        b"\x1b[4 q",
        b"\x1b]0;title\x07",
        b"\x1b]8;;http://example.org\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1b_apc\x1b\\",
        b"\x1b(B",
        b"\x1b7",
        b"\x1bc",
    ],
)
def test_all_other_sequences_are_dropped(dropped: bytes) -> None:
    assert only_line(b"a" + dropped + b"b\n").spans == (Span("ab"),)


def test_an_unfinished_title_does_not_hide_the_rest_of_the_line() -> None:
    lines = all_lines(b"a\x1b]0;secret\nb\x07\n")
    assert [line.text for line in lines] == ["a␛]0;secret", "b␇"]


def test_a_sequence_cut_short_by_its_line_end_is_dropped() -> None:
    assert [line.text for line in all_lines(b"a\x1b[31\nb\n")] == ["a", "b"]


def test_a_long_line_shows_its_first_bytes_and_counts_the_rest() -> None:
    line = only_line(b"x" * (MAX_LINE + 10) + b"\n")
    assert (line.text, line.cut) == ("x" * MAX_LINE, 10)
    assert only_line(b"x" * MAX_LINE + b"\n").cut == 0


def test_a_cut_never_splits_a_character() -> None:
    line = only_line(b"x" + "é".encode() * MAX_LINE)
    assert line.text == "x" + "é" * (MAX_LINE // 2 - 1)
    assert len(line.text.encode()) + line.cut == 1 + 2 * MAX_LINE


def test_nothing_is_shown_after_a_cut() -> None:
    line = only_line(b"x" + "é".encode() * MAX_LINE + b"\x1b[31mz\b\n")
    assert line.text == "x" + "é" * (MAX_LINE // 2 - 1)
    assert line.cut == MAX_LINE + 3
    assert render_lines(b"x" * 5000 + b"\x1b[31m\ny\n", 0, final=True).lines[
        1
    ].spans == (Span("y", ("a-red",)),)


def test_a_return_forgets_the_cut_with_the_text() -> None:
    assert only_line(b"x" * 5000 + b"\rshort\n") == Line(0, (Span("short"),))


def test_a_line_of_the_greatest_length_is_one_line_with_either_line_end() -> None:
    for end in (b"\n", b"\r\n"):
        assert len(all_lines(b"x" * LONGEST_PIECE + end + b"y\n")) == 2


def test_a_longer_line_is_shown_in_pieces_without_waiting_for_its_end() -> None:
    rendered = render_lines(b"x" * ENOUGH, 5, final=False)
    assert [(line.offset, line.cut) for line in rendered.lines] == [
        (5, LONGEST_PIECE - MAX_LINE)
    ]
    assert rendered.next_offset == 5 + LONGEST_PIECE
    assert render_lines(b"x" * (ENOUGH - 1), 5, final=False).lines == ()


@pytest.mark.parametrize(
    ("around", "before"),
    [
        ("🙂".encode(), 1),
        ("🙂".encode(), 3),
        (b"\x1b[1;31m", 1),
        (b"\x1b[1;31m", 6),
        (b"\x1b]0;a title\x07", 5),
        (b"\x1b(B", 2),
    ],
)
def test_a_piece_ends_before_a_sequence_that_its_edge_would_split(
    around: bytes, before: int
) -> None:
    data = b"x" * (LONGEST_PIECE - before) + around + b"y" * LONGEST_PIECE
    rendered = render_lines(data, 0, final=False)
    assert rendered.lines[1].offset == LONGEST_PIECE - before


def test_a_piece_ends_in_the_same_place_before_the_rest_of_a_sequence_arrived() -> None:
    data = b"x" * (LONGEST_PIECE - 5) + b"\x1b]0;a title\x07"
    assert render_lines(data[:ENOUGH], 0, final=False).next_offset == LONGEST_PIECE - 5


def test_an_absurd_number_in_a_sequence_changes_nothing() -> None:
    assert only_line(b"a\x1b[" + b"3" * 5000 + b"mb").spans == (Span("ab"),)


def test_a_piece_may_end_right_after_a_sequence() -> None:
    data = b"x" * (LONGEST_PIECE - 5) + b"\x1b[31m" + b"y" * LONGEST_PIECE
    assert render_lines(data, 0, final=False).next_offset == LONGEST_PIECE


def test_an_endless_progress_bar_is_divided_between_two_states() -> None:
    data = b"".join(b"step %06d\r" % number for number in range(10_000))
    texts = [line.text for line in all_lines(data)]
    assert len(texts) == 4
    assert all(len(text) == len("step 000000") for text in texts)
    assert texts[-1] == "step 009999"


@pytest.mark.parametrize("filler", [b"\x80", b"\x1b", b"\x1b]", b"\r", b"\b", b"\0"])
def test_hostile_bytes_cannot_stop_the_reader(filler: bytes) -> None:
    data = filler * (3 * LONGEST_PIECE // len(filler))
    rendered = render_lines(data, 0, final=False)
    assert len(data) - rendered.next_offset < ENOUGH
    assert sum(len(line.text) for line in rendered.lines) <= 4 * MAX_LINE


ALPHABET = [
    b"a",
    b"word ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\b",
    b"\0",
    b"\xff",
    b"\xe2\x82",
    "é€🙂".encode(),
    b"\x1b",
    b"\x1b[",
    b"\x1b[1;31m",
    b"\x1b[0m",
    b"\x1b]0;t\x07",
    b"\x1b]8;;u\x1b\\",
    b"\x1b(B",
]


def any_output(rng: random.Random) -> bytes:
    parts = rng.choices(ALPHABET, k=rng.randrange(60))
    for _ in range(rng.randrange(3)):
        # Around the edges of a piece, where the difficult decisions are.
        length = rng.choice([MAX_LINE, LONGEST_PIECE, 2 * LONGEST_PIECE])
        parts.insert(rng.randrange(len(parts) + 1), b"x" * (length - rng.randrange(20)))
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(150))
def test_the_lines_do_not_depend_on_where_the_chunks_end(seed: int) -> None:
    rng = random.Random(seed)
    data = any_output(rng)
    at_once = render_lines(data, 40, final=True)

    lines: list[Line] = []
    done, arrived, style = 0, 0, PLAIN
    while arrived < len(data):
        step = rng.choice([1, 2, 3, 7, 500, LONGEST_PIECE - 1, LONGEST_PIECE + 1])
        arrived = min(len(data), arrived + max(step, len(data) // 200))
        some = render_lines(data[done:arrived], 40 + done, final=False, style=style)
        lines += some.lines
        done, style = some.next_offset - 40, some.style
    rest = render_lines(data[done:], 40 + done, final=True, style=style)

    assert (*lines, *rest.lines) == at_once.lines
    assert (rest.next_offset, rest.style) == (at_once.next_offset, at_once.style)
    assert at_once.next_offset == 40 + len(data)


def test_a_line_of_a_hundred_megabytes_passes_in_bounded_memory() -> None:
    size, chunk = 100_000_000, b"x" * 65536
    offset = shown = cut = 0
    tracemalloc.start()
    try:
        while offset < size:
            data = chunk[: size - offset]
            final = len(data) < len(chunk)
            rendered = render_lines(data, offset, final=final)
            assert rendered.next_offset > offset
            shown += sum(len(line.text) for line in rendered.lines)
            cut += sum(line.cut for line in rendered.lines)
            offset = rendered.next_offset
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000
    assert shown + cut == size
    assert shown < size // 7


def test_html_is_escaped_and_styled_by_classes_alone() -> None:
    line = only_line(b"<b>\"&'\x1b[1;31m<script>\n")
    assert to_html(line) == (
        '&lt;b&gt;&quot;&amp;&#x27;<span class="a-bold a-red">&lt;script&gt;</span>'
    )
    hostile = Line(0, (Span("x", ('"><script>',)),))
    assert "<script>" not in to_html(hostile)


def test_html_shows_the_cut() -> None:
    assert to_html(Line(0, (Span("x"),), 12)).endswith(
        '<span class="a-cut"> … 12 bytes cut</span>'
    )


def test_plain_text_has_the_lines_and_the_cuts_without_any_style() -> None:
    assert plain(b"\x1b[31mred\x1b[0m\n10%\r20%\n") == "red\n20%"
    assert plain(b"x" * (MAX_LINE + 3)) == "x" * MAX_LINE + " … 3 bytes cut"
    assert plain(b"") == ""

from __future__ import annotations

from typing import Any

import pytest

from agents.admin import notation


@pytest.mark.parametrize(
    "command",
    [
        ["sleep", "60"],
        ["sh", "-c", "echo \"a b\" | wc -l; echo '$HOME'"],
        ["python", "-c", "import time\nwhile True:\n    time.sleep(1)\n"],
        ["printf", "a\r\nb", "\ttab"],
        ["[", "-f", "x", "]"],
        ["program", "", " ", "\\", "'", '"', "#no comment"],
        ["prögramm", "日本語"],
    ],
)
def test_a_command_survives_being_shown_and_sent_back(command: list[str]) -> None:
    shown = notation.command_text(command)
    sent = shown.replace("\r\n", "\n").replace("\n", "\r\n")
    assert notation.parse_command(sent) == command


def test_a_command_may_be_a_line_or_a_json_list() -> None:
    words = ["python", "-c", "print('a b')"]
    assert notation.parse_command("python -c \"print('a b')\"") == words
    assert notation.parse_command('["python", "-c", "print(\'a b\')"]') == words
    assert notation.parse_command("python \r\n  -c \r\n \"print('a b')\"") == words


def test_a_command_never_passes_a_shell() -> None:
    words = notation.parse_command("echo $HOME * ~ `id` $(id) | wc # all")
    assert words == ["echo", "$HOME", "*", "~", "`id`", "$(id)", "|", "wc", "#", "all"]
    assert notation.shell_words(words) == ["|"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo 'open", "never closed"),
        ('echo "open', "never closed"),
        ("echo \\", "backslash"),
        ('["echo", ]', "not valid JSON"),
        ("[" * 100_000, "JSON"),
        ('["\\ud800"]', "cannot be stored"),
    ],
)
def test_an_unreadable_command_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        notation.parse_command(text)


@pytest.mark.parametrize(
    "pairs",
    [
        {},
        {"A": "1", "B": ""},
        {"A": "x=y", "B": '"quoted"', "C": "# no comment"},
        {"A": " spaces ", "B": "1"},
        {"KEY": "-----BEGIN-----\nabc\n-----END-----\n"},
        {"A": "a\x85b\u2028c"},
    ],
)
def test_an_environment_survives_being_shown_and_sent_back(
    pairs: dict[str, str],
) -> None:
    sent = notation.pairs_text(pairs).replace("\n", "\r\n")
    assert notation.parse_pairs(sent) == pairs


def test_pairs_name_the_line_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="Line 2 has no '='"):
        notation.parse_pairs("A=1\nB\n")
    with pytest.raises(ValueError, match="Line 3: A is there twice"):
        notation.parse_pairs("A=1\n\nA=2")
    with pytest.raises(ValueError, match="not valid JSON"):
        notation.parse_pairs('{"A": }')


@pytest.mark.parametrize(
    "items", [[], ["review"], ["review", "python 3"], ["a, b", "c"], [" a"], ["[a]"]]
)
def test_a_list_survives_being_shown_and_sent_back(items: list[str]) -> None:
    assert notation.parse_list(notation.list_text(items)) == items


def test_a_list_takes_commas_and_lines_and_drops_what_is_twice() -> None:
    assert notation.parse_list("a, b,,\r\n c ,a") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "records",
    [[], [{"type": "tcp", "port": 80}], [{"a": "é"}, {"b": [1, 2.5, None, True]}]],
)
def test_records_survive_being_shown_and_sent_back(records: list[Any]) -> None:
    sent = notation.records_text(records).replace("\n", "\r\n")
    assert notation.parse_records(sent) == records


def test_a_record_alone_is_a_list_of_one() -> None:
    assert notation.parse_records(' {"type": "tcp"} ') == [{"type": "tcp"}]
    with pytest.raises(ValueError, match="not valid JSON"):
        notation.parse_records("[{]")

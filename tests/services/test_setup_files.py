"""Any bytes may be offered as a file of set-ups; plain bounded data comes out."""

from __future__ import annotations

import time

import pytest

from agents.services.setup_files import (
    MOST_BYTES,
    Unreadable,
    as_json,
    as_yaml,
    parse,
)

AGENT = {
    "name": "worker",
    "command": ["sh", "-c", "while true; do\n  date\ndone\n"],
    "env": {
        "YES": "yes",
        "NUMBER": "1e3",
        "OCTAL": "0755",
        "EMPTY": "",
        "TOKEN": None,
        "TAIL": "ends in spaces  \nand a tab\t",
        "LETTERS": "é 漢字 😀",
        "ESCAPE": "\x1b[31m",
    },
    "max_restarts": None,
    "stop_grace": 0.5,
}


@pytest.mark.parametrize("write", [as_yaml, as_json])
def test_what_is_written_reads_back_the_same(write) -> None:  # type: ignore[no-untyped-def]
    assert parse(write([AGENT]).encode()) == [AGENT]


def test_a_script_of_several_lines_stays_readable() -> None:
    assert "    date\n" in as_yaml([AGENT])
    assert "\\n" not in as_yaml([{"command": AGENT["command"]}])


def test_a_file_that_hides_secrets_says_so() -> None:
    assert as_yaml([AGENT]).startswith("# Secret values are not in this file")
    assert as_yaml([{"name": "a", "env": {}}]).startswith("agents:")


def test_json_with_tabs_and_escaped_letters_is_read() -> None:
    assert parse(b'{"agents":\n\t[{"name": "\\ud83d\\ude00"}]}') == [{"name": "😀"}]


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert parse("\ufeffagents: []".encode()) == []


def test_defaults_can_be_merged_and_overridden() -> None:
    text = b"agents: [&d {name: a, role: x}, {<<: *d, name: b}]"
    assert parse(text) == [{"name": "a", "role": "x"}, {"name": "b", "role": "x"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no `agents:`"),
        (b"- name: a", "no `agents:`"),
        (b"agents: {a: b}", "no `agents:`"),
        (b"agents: []\nagent: []", "'agent' is not known here"),
        (b"agents: []\nagents: []", "'agents' stands twice"),
        (b'{"agents": [], "agents": []}', "'agents' stands twice"),
        (b"agents:\n- name: a\n  name: b", "line 3, column 3: 'name' stands twice"),
        (b"agents:\n\t- a", "line 2, column 1"),
        (b"agents: [\xff]", "not UTF-8 text, at byte 9"),
        (b"agents: [2024-99-99]", "month must be in 1..12"),
        (b"agents: [!!python/object/apply:os.system [ls]]", "could not determine"),
        (b"agents: []\n---\nagents: []", "single document"),
        # In our words, or since PyYAML 6.0.4 in its own.
        (b"agents: " + b"[" * 100_000, "nested too deeply|maximum nesting depth"),
        (b'{"agents":' * 100_000, "nested too deeply"),
        (b"agents: [" + b"9" * 5000 + b"]", "limit"),
    ],
)
def test_what_is_not_such_a_file_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message.replace("[", r"\[")):
        parse(text)


def test_a_file_too_large_is_refused_unread() -> None:
    with pytest.raises(Unreadable, match="larger than 10 MB"):
        parse(b"#" * (MOST_BYTES + 1))


def test_ten_lines_of_merges_do_not_fill_the_memory() -> None:
    lines = ["agents:", "- &a0 {k: 1}"]
    for level in range(1, 12):
        merged = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"- &a{level} {{<<: [{merged}], k{level}: 1}}")
    begun = time.monotonic()
    try:
        found = parse("\n".join(lines).encode())
    except Unreadable as refusal:  # By our own limit, before PyYAML 6.0.4.
        assert "more than 200 keys" in str(refusal)
    else:
        assert sum(len(agent) for agent in found) < 200
    assert time.monotonic() - begun < 2


def test_a_long_list_of_merges_is_refused() -> None:
    merged = ", ".join(["*a"] * 11)
    text = f"agents: [&a {{k: 1}}, {{<<: [{merged}]}}]"
    with pytest.raises(Unreadable, match="more than 10 merges"):
        parse(text.encode())

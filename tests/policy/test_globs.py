"""Whether two patterns can mean one file: never a false "free", and symmetric."""

from __future__ import annotations

import fnmatch
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy.glob_index import GlobIndex
from agents.policy.globs import (
    LONGEST,
    MOST_SEGMENTS,
    BadPattern,
    escape,
    means,
    overlap,
    parse,
)

NAMES = ("a", "b", "ab", "ba.py", "a*")
FILES = [
    "/".join(words)
    for depth in (1, 2, 3, 4)
    for words in itertools.product(NAMES[: 5 if depth < 3 else 3], repeat=depth)
]
WORDS = st.sampled_from(
    ["a", "b", "ab", "ba.py", "[*]", "*", "?", "??", "a*", "*a", "*.py", "?*", "**"]
)
PATTERNS = st.lists(WORDS, min_size=1, max_size=4).map("/".join)


def fits(pattern: str, path: str) -> bool:
    """The meaning again, by brute force and the standard library."""
    words = pattern.split("/")
    names = path.split("/")
    if words[-1] == "**" or not set(pattern.replace("[*]", "")) & set("*?"):
        # It may be a directory: everything below it is meant as well.
        return any(_fits(words, names[:depth]) for depth in range(len(names) + 1))
    return _fits(words, names)


def _fits(words: list[str], names: list[str]) -> bool:
    if not words:
        return not names
    if words[0] == "**":
        return any(_fits(words[1:], names[at:]) for at in range(len(names) + 1))
    return bool(names) and (
        fnmatch.fnmatchcase(names[0], words[0]) and _fits(words[1:], names[1:])
    )


@given(PATTERNS, PATTERNS)
def test_what_means_one_file_overlaps_whichever_is_asked_first(
    one: str, other: str
) -> None:
    answer = overlap(parse(one), parse(other))
    assert answer == overlap(parse(other), parse(one))
    if any(fits(one, path) and fits(other, path) for path in FILES):
        assert answer


@given(PATTERNS, st.sampled_from(FILES))
def test_a_pattern_means_the_files_that_it_fits(pattern: str, path: str) -> None:
    assert means(parse(pattern), path) == fits(pattern, path)


@given(st.lists(PATTERNS, max_size=30), PATTERNS)
def test_an_index_finds_what_one_look_at_each_would(
    held: list[str], asked: str
) -> None:
    index: GlobIndex[int] = GlobIndex()
    for number, pattern in enumerate(held):
        index.add(parse(pattern), number)
    expected = [n for n, one in enumerate(held) if overlap(parse(one), parse(asked))]
    assert sorted(index.overlapping(parse(asked))) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Each of these was called free by another hub.
        ("src/a*", "src/*.py"),
        ("src/main.*", "src/*.py"),
        ("app/**", "**/models.py"),
        ("docs/a/*", "docs/*/x.md"),
        ("src/app.py", "src/**"),
        # Nobody knows what these mean to whoever wrote them.
        ("src/[ab].py", "docs/c.md"),
        ("{src,docs}/x", "tests/y"),
        ("a\\*b", "c"),
        ("a**b", "c"),
        # A directory and what is in it.
        ("src", "src/deep/down.py"),
        ("src/", "src/*.py"),
        (".", "anything"),
    ],
)
def test_an_overlap_that_is_easily_missed(one: str, other: str) -> None:
    assert overlap(parse(one), parse(other))
    assert overlap(parse(other), parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/*.py", "src/*.pyi"),
        ("src/*", "src/deep/down.py"),
        ("src/a?.py", "src/a.py"),
        ("docs/**", "src/**"),
        ("**/a.py", "**/b.py"),
        (escape("pages/[id].tsx"), escape("pages/[slug].tsx")),
        (escape("what?"), escape("whatx")),
    ],
)
def test_what_no_file_can_be_meant_by_is_free(one: str, other: str) -> None:
    assert not overlap(parse(one), parse(other))


@pytest.mark.parametrize("path", ["a b/[id].tsx", "x{1}\\y", "**/*?", "ü/日本"])
def test_an_escaped_path_means_itself_alone(path: str) -> None:
    assert means(parse(escape(path)), path)
    assert overlap(parse(escape(path)), parse(escape(path)))
    assert not means(parse(escape(path)), path.replace(path[0], "z", 1) + "z")


@pytest.mark.parametrize(
    "pattern",
    [
        *["", " ", "/etc/passwd", "~/x", "a/../b", "a\0b", "\ud800"],
        "x" * (LONGEST + 1),
        "/".join("x" * (MOST_SEGMENTS + 1)),
    ],
)
def test_a_pattern_that_means_no_file_of_a_workspace_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        parse(pattern)


def test_a_pattern_is_told_in_its_shortest_form() -> None:
    assert parse("./src//deep/./x.py").pattern == "src/deep/x.py"
    assert parse("a/**/**/b").segments == parse("a/**/b").segments

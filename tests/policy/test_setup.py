"""What makes a set-up impossible, and the words that say what to change."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from agents.policy import setup
from agents.policy.restart import Mode, RestartPolicy

LONE_SURROGATE = "\ud83d"
LONGEST = setup.LONGEST_ARGUMENT


def says(problem: str | None, *words: str) -> None:
    assert problem is not None, "It was let through."
    for word in words:
        assert word in problem


# Names


@pytest.mark.parametrize("name", ["a", "A1", "web-1", "x_y", "0", "9-", "n" * 63])
def test_a_good_name_has_no_problem(name: str) -> None:
    assert setup.name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "../x", "..", ".", "/", "a/b", "a.b", "a b", " a", "a ", "a\n", "\na", "-a",
        "_a", "é", "名", "a\0", "a%2f", "n" * 64, "n" * 300, LONE_SURROGATE,
    ],
)  # fmt: skip
def test_a_name_that_is_no_slug_is_refused(name: str) -> None:
    says(setup.name_problem(name), "1 to 63 letters", "begins with a letter or digit")


def test_no_name_is_asked_for() -> None:
    assert setup.name_problem("") == "Give the agent a name."


@pytest.mark.parametrize("name", ["batch", "register", "Batch", "REGISTER"])
def test_names_of_the_control_api_are_reserved_in_any_case(name: str) -> None:
    says(setup.name_problem(name), repr(name), "reserved", "Choose another")


# Commands


@pytest.mark.parametrize(
    "command",
    [
        ["python"],
        ["./run.sh", "", " ", "\n", "é", "😀"],
        ["sh", "-c", "echo $HOME | cat; rm *"],
        ["echo", "x" * LONGEST],
    ],
)
def test_a_good_command_has_no_problem(command: list[str]) -> None:
    assert setup.command_problem(command) is None


@pytest.mark.parametrize(
    "command",
    ["python -m http.server", None, {}, {"a": 1}, 5, True, ("a",), ["a", 1],
     ["a", None], ["a", True], ["a", ["b"]], [1]],
)  # fmt: skip
def test_a_command_is_a_list_of_strings(command: object) -> None:
    says(setup.command_problem(command), "list of strings", "never passes a shell")


@pytest.mark.parametrize("command", [[], [""], ["  "], ["\t", "x"]])
def test_an_empty_command_is_refused(command: list[str]) -> None:
    assert setup.command_problem(command) == (
        "The command is empty. Name the program to run."
    )


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("a\0b", "NUL"),
        (f"a{LONE_SURROGATE}", "lone surrogate"),
        ("\udcff", "lone surrogate"),
        ("x" * (LONGEST + 1), "131,072 bytes"),
        ("é" * (LONGEST // 2 + 1), "131,072 bytes"),
    ],
)
def test_what_the_system_cannot_pass_on_is_no_argument(
    place: int, argument: str, word: str
) -> None:
    command = ["echo", "fine"]
    command[place] = argument
    says(setup.command_problem(command), "An argument", word)


# Environments


@pytest.mark.parametrize(
    "env", [{}, {"LANG": "C"}, {"_x1": "", "Y": "a\nb"}, {"E": "😀"}]
)
def test_a_good_environment_has_no_problem(env: dict[str, str]) -> None:
    assert setup.env_problem(env) is None


@pytest.mark.parametrize("env", [None, [], ["A=1"], "A=1", 5, True])
def test_an_environment_is_a_mapping(env: object) -> None:
    says(setup.env_problem(env), "mapping of names to texts")


@pytest.mark.parametrize(
    "name", ["", "1A", "A B", "A-B", "A=B", "A\n", "A\0", "É", 1, None, True, (1,)]
)
def test_a_strange_name_of_a_variable_is_refused(name: object) -> None:
    says(setup.env_problem({name: "x"}), repr(name), "not a variable's name")


@pytest.mark.parametrize("name", ["AGENTHUB_RUN", "AGENTHUB_TOKEN", "AGENTHUB_"])
def test_the_hubs_own_variables_are_not_to_be_set(name: str) -> None:
    says(setup.env_problem({name: "x"}), name, "the hub's own")


@pytest.mark.parametrize("value", [1, 1.5, None, True, ["a"], {"a": "b"}])
def test_a_variables_value_is_a_text(value: object) -> None:
    assert setup.env_problem({"A": value}) == (
        "A: the value must be a text; put it in quotes."
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("a\0", "NUL"),
        (LONE_SURROGATE, "lone surrogate"),
        ("x" * (LONGEST - 1), "131,072 bytes"),
    ],
)
def test_what_the_system_cannot_pass_on_is_no_value(value: str, word: str) -> None:
    """The limit is on `NAME=value` as a whole."""
    says(setup.env_problem({"A": value}), "A: the value", word)
    assert setup.env_problem({"A": "x" * (LONGEST - 2)}) is None


# Labels, capabilities, role


@pytest.mark.parametrize(
    "labels", [{}, {"team": "search"}, {"a.b/c-d_e": "é 😀"}, {"k" * 63: "v" * 200}]
)
def test_good_labels_have_no_problem(labels: dict[str, str]) -> None:
    assert setup.labels_problem(labels) is None


@pytest.mark.parametrize("labels", [None, [], "a=b", 5])
def test_labels_are_a_mapping(labels: object) -> None:
    says(setup.labels_problem(labels), "mapping of names to texts")


@pytest.mark.parametrize("key", ["", " ", "a b", "a=b", ".a", "k" * 64, "a\n", 1, None])
def test_a_strange_name_of_a_label_is_refused(key: object) -> None:
    says(setup.labels_problem({key: "x"}), repr(key), "not a label's name")


@pytest.mark.parametrize(
    "value", [1, None, True, [], "v" * 201, "a\nb", "a\x1b[31m", "\0", LONE_SURROGATE]
)
def test_a_labels_value_is_a_short_printable_text(value: object) -> None:
    says(setup.labels_problem({"team": value}), "team", "at most 200")


@pytest.mark.parametrize("capabilities", [[], ["review", "c" * 100], ["é 😀"]])
def test_good_capabilities_have_no_problem(capabilities: list[str]) -> None:
    assert setup.capabilities_problem(capabilities) is None


@pytest.mark.parametrize(
    "capabilities",
    [
        None, {}, "review", [1], [None], [["a"]], [""], [" "], ["c" * 101], ["a\nb"],
        ["\0"], [LONE_SURROGATE],
    ],
)  # fmt: skip
def test_capabilities_are_a_list_of_short_printable_texts(capabilities: object) -> None:
    says(setup.capabilities_problem(capabilities), "list of short texts")


@pytest.mark.parametrize("role", ["", "Writes tests", "👩‍💻 reviews", "a\u00a0b"])
def test_a_good_role_has_no_problem(role: str) -> None:
    assert setup.role_problem(role) is None


@pytest.mark.parametrize("role", ["a\nb", "\0", "a\x1b[31m", "\x85", LONE_SURROGATE])
def test_a_role_is_one_line_that_is_safe_on_a_terminal(role: str) -> None:
    says(setup.role_problem(role), "one line")


# Directories


def test_the_working_directory_may_be_left_to_the_hub() -> None:
    assert setup.cwd_problem("") is None


def test_an_existing_directory_has_no_problem(tmp_path: Path) -> None:
    assert setup.cwd_problem(str(tmp_path)) is None


def test_the_home_directory_may_be_written_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()
    assert setup.cwd_problem("~") is None
    assert setup.cwd_problem("~/work") is None
    says(setup.cwd_problem("~/play"), "'~/play' is not a directory")


@pytest.mark.parametrize("cwd", ["work", "./work", "../x", " ", "~nobody-of-this-name"])
def test_a_relative_directory_is_refused(cwd: str) -> None:
    says(setup.cwd_problem(cwd), repr(cwd), "is relative", "whole path")


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("missing", "file", "file/below", "loop", "n" * 200_000):
        path = str(tmp_path / name)
        says(setup.cwd_problem(path), "not a directory", "Make it first")


@pytest.mark.parametrize(
    ("cwd", "word"), [("/tmp\0", "NUL"), (f"/{LONE_SURROGATE}", "lone surrogate")]
)
def test_a_directory_that_cannot_be_named_is_refused(cwd: str, word: str) -> None:
    says(setup.cwd_problem(cwd), "A directory's name", word)


# Signals


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "int", "KILL", "USR1", "WINCH"])
def test_a_good_stop_signal_has_no_problem(name: str) -> None:
    assert setup.signal_problem(name) is None


@pytest.mark.parametrize("name", ["", "15", "NOPE", LONE_SURROGATE])
def test_an_unknown_stop_signal_is_refused(name: str) -> None:
    says(setup.signal_problem(name), repr(name), "not a signal", "TERM, INT")


@pytest.mark.parametrize("name", ["STOP", "SIGSTOP", "stop"])
def test_a_signal_that_freezes_a_program_cannot_stop_it(name: str) -> None:
    says(setup.signal_problem(name), "freezes", "Use TERM")


# Numbers

GOOD: dict[str, Any] = {
    "max_restarts": 5,
    "restart_window": 600,
    "backoff_initial": 1,
    "backoff_max": 60.0,
    "healthy_after": 600,
    "stop_grace": 10,
}
MONTH = 30 * 86_400


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"max_restarts": None},
        {"max_restarts": 0},
        {"max_restarts": 10**6},
        {"backoff_initial": 0, "backoff_max": 0},
        {"backoff_initial": 60.0},
        {"stop_grace": 0},
        {"stop_grace": 86_400},
        {"restart_window": 0.001, "healthy_after": MONTH},
    ],
)
def test_good_numbers_have_no_problem(values: dict[str, Any]) -> None:
    assert setup.timing_problems(GOOD | values) == {}


NO_NUMBERS = [math.nan, math.inf, -math.inf, True, "10", None, [], -1, -0.001, 10**400]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 0, MONTH + 1])
@pytest.mark.parametrize("name", ["restart_window", "healthy_after"])
def test_a_span_is_more_than_nothing_and_less_than_a_month(
    name: str, value: object
) -> None:
    assert setup.timing_problems(GOOD | {name: value}) == {
        name: "Give more than 0 seconds and at most 30 days."
    }


@pytest.mark.parametrize("value", [*NO_NUMBERS, 86_401])
@pytest.mark.parametrize("name", ["backoff_initial", "backoff_max", "stop_grace"])
def test_a_delay_is_nothing_or_more_and_at_most_a_day(name: str, value: object) -> None:
    assert setup.timing_problems(GOOD | {name: value}) == {
        name: "Give 0 seconds or more, at most one day."
    }


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, True, "5", [], -1, 2.5, 5.0, 10**6 + 1]
)
def test_the_limit_of_restarts_is_a_whole_number(value: object) -> None:
    problems = setup.timing_problems(GOOD | {"max_restarts": value})
    assert list(problems) == ["max_restarts"]
    says(problems["max_restarts"], "0 or more", "no limit")


def test_the_first_back_off_is_not_longer_than_the_longest() -> None:
    problems = setup.timing_problems(GOOD | {"backoff_initial": 61.5})
    assert problems == {
        "backoff_initial": (
            "The first back-off (61.5 s) is longer than the longest (60 s). "
            "Lower this one or raise backoff_max."
        )
    }


def test_each_bad_number_is_named_and_none_hides_another() -> None:
    bad = {"restart_window": 0, "backoff_max": -1, "max_restarts": -1}
    assert setup.timing_problems(GOOD | bad).keys() == bad.keys()


def test_a_number_that_is_missing_is_somebody_elses_problem() -> None:
    assert setup.timing_problems({}) == {}
    assert setup.timing_problems({"backoff_initial": 100}) == {}
    assert setup.timing_problems({"stop_grace": -1}).keys() == {"stop_grace"}


def test_a_set_up_makes_its_restart_policy() -> None:
    assert setup.restart_policy(GOOD | {"auto_restart": "always"}) == RestartPolicy(
        mode=Mode.ALWAYS,
        max_restarts=5,
        window=600,
        backoff_initial=1,
        backoff_max=60.0,
        healthy_after=600,
    )

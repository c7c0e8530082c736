"""Dependencies as they are written, and the graph they make."""

from __future__ import annotations

from typing import Any

import pytest

from agents.policy import dependencies
from agents.policy.dependencies import Condition, Dependency

CHAIN = {"web": ["queue"], "queue": ["store"]}


def test_what_is_left_out_is_started() -> None:
    value = [{"agent": "store"}, {"agent": "job", "condition": "completed"}]
    assert dependencies.problem(value, "web") is None
    read = dependencies.read(value)
    assert read == (
        Dependency("store", Condition.STARTED),
        Dependency("job", Condition.COMPLETED),
    )
    assert dependencies.as_data(read)[0] == {"agent": "store", "condition": "started"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("store", "a list of agents"),
        (["store"], "a list of agents"),
        ([{}], "Name the agent"),
        ([{"agent": 7}], "Name the agent"),
        ([{"agent": "\ud800"}], "no agent's name"),
        ([{"agent": "store", "when": "up"}], "'when' is not known here"),
        ([{"agent": "store", "condition": "heathy"}], "Did you mean 'healthy'?"),
        ([{"agent": "store", "condition": []}], "is not one of started"),
        ([{"agent": "WEB"}], "cannot depend on itself"),
        ([{"agent": "store"}, {"agent": "store"}], "named twice"),
        ([{"agent": f"a{n}"} for n in range(101)], "at most 100"),
    ],
)
def test_what_is_wrong_is_said(value: Any, message: str) -> None:
    assert message in (dependencies.problem(value, "web") or "")


def test_an_unknown_agent_is_named_with_what_may_be_meant() -> None:
    known = {"store", "queue"}
    assert dependencies.unknown_problem(["store"], known) is None
    problem = dependencies.unknown_problem(["store", "queu"], known)
    assert problem == "There is no agent 'queu'. Did you mean 'queue'?"


def test_a_circle_is_told_as_a_way() -> None:
    graph = CHAIN | {"store": ["other", "web"]}
    problem = dependencies.cycle_problem(graph, "queue")
    assert problem == (
        "These agents would wait for each other: queue -> store -> web -> queue."
    )


def test_only_who_is_in_the_circle_is_told() -> None:
    graph = {"a": ["b"], "b": ["c"], "c": ["b"]}
    assert dependencies.cycle(graph, "a") == ()
    assert dependencies.cycle(graph, "b") == ("b", "c", "b")
    assert dependencies.cycle(CHAIN, "web") == ()


def test_a_long_chain_is_no_trouble() -> None:
    graph = {str(n): [str(n + 1)] for n in range(5000)}
    assert dependencies.cycle(graph, "0") == ()
    assert len(dependencies.reachable(graph, "0")) == 5000
    assert dependencies.in_order(graph, graph)[0] == "4999"


def test_order_puts_what_is_needed_first_and_leaves_the_rest_alone() -> None:
    names = ["z", "web", "a", "store"]
    assert dependencies.in_order(CHAIN, names) == ["z", "store", "web", "a"]


def test_what_needs_one_is_found_from_both_ends() -> None:
    assert dependencies.reachable(CHAIN, "web") == {"queue", "store"}
    up = dependencies.turned(CHAIN)
    assert dependencies.reachable(up, "store") == {"queue", "web"}


def test_weights_add_up_along_the_heaviest_way() -> None:
    graph = {"web": ["queue", "job"], "queue": ["store"], "job": [], "store": []}
    weights = {"web": 1.0, "queue": 2.0, "store": 4.0, "job": 5.0}
    assert dependencies.heaviest_way(graph, weights.__getitem__) == 7.0
    assert dependencies.heaviest_way({}, weights.__getitem__) == 0.0


def test_many_names_are_cut_short() -> None:
    assert dependencies.listed(["a"]) == "a"
    assert dependencies.listed(["a", "b", "c"]) == "a, b and c"
    assert dependencies.listed(list("abcdefg")) == "a, b, c, d, e and 2 more"

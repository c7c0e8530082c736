"""What a program may subscribe to, and what is refused before anything looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from agents.live.subscription import LogPosition, Malformed
from agents.live.topics import MOST_TOPICS, Wanted, parse_seq, parse_wanted


def test_all_agents_from_where_it_is() -> None:
    assert parse_wanted({"topics": ["agents"], "after": 7}) == Wanted(
        everyone=True, after=7
    )


def test_several_of_each_kind_with_their_positions() -> None:
    message = {
        "type": "subscribe",
        "format": "json",
        "topics": ["agent:web", "agent:db", "logs:web", "task:12", "task:007"],
        "logs": {"web": {"run": 3, "out": 10, "err": 20}},
        "steps": {"7": 4},
    }
    assert parse_wanted(message) == Wanted(
        agents=("web", "db"),
        logs=("web",),
        tasks=(12, 7),
        positions={"web": LogPosition(3, 10, 20)},
        steps={7: 4},
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({}, "topics are a list"),
        ({"topics": "agents"}, "topics are a list"),
        ({"topics": []}, "topics are a list"),
        ({"topics": [f"agent:a{n}" for n in range(MOST_TOPICS + 1)]}, "topics are"),
        ({"topics": [3]}, "no topic '3'"),
        ({"topics": ["everything"]}, "no topic 'everything'"),
        ({"topics": ["agents:web"]}, "no topic"),
        ({"topics": ["agent:"]}, "no topic"),
        ({"topics": ["agent:a b"]}, "no topic"),
        ({"topics": ["agent:\0"]}, "no topic"),
        ({"topics": ["agent:\ud800"]}, "no topic"),
        ({"topics": ["task:x"]}, "no topic"),
        ({"topics": ["task:" + "9" * 30]}, "no topic"),
        ({"topics": ["tasks"]}, "no topic"),
        ({"topics": ["agents", "agents"]}, "twice"),
        ({"topics": ["task:7", "task:07"]}, "twice"),
        ({"topics": ["agents"], "after": -1}, "after is a whole number"),
        ({"topics": ["agents"], "after": "1"}, "after is a whole number"),
        ({"topics": ["agents"], "after": 2**63}, "after is a whole number"),
        ({"topics": ["agents"], "since": 1}, "no field 'since'"),
        ({"topics": ["logs:web"], "logs": {"db": {}}}, "by the name"),
        ({"topics": ["logs:web"], "logs": {"web": 3}}, "a run and two offsets"),
        ({"topics": ["logs:web"], "logs": {"web": {"run": "1"}}}, "run is a whole"),
        ({"topics": ["logs:web"], "logs": []}, "by the name"),
        ({"topics": ["task:1"], "steps": {"2": 1}}, "by the id"),
        ({"topics": ["task:1"], "steps": {"1": None}}, "steps is a whole number"),
    ],
)
def test_anything_else_is_refused_in_words(message: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        parse_wanted(message)


def test_an_acknowledgement_has_a_seq() -> None:
    assert parse_seq({"seq": 4}) == 4
    for message in ({}, {"seq": None}, {"seq": "4"}, {"frame": 4}):
        with pytest.raises(Malformed):
            parse_seq(message)

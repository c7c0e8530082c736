"""Probes as they are set up: what is refused with which words, and the defaults."""

from __future__ import annotations

from typing import Any

import pytest

from agents.policy import probes
from agents.policy.probes import OnFailure, ProbeType

GOOD: dict[str, dict[str, Any]] = {
    "exec": {"type": "exec", "command": ["true"]},
    "http": {"type": "http", "url": "http://127.0.0.1:8080/health?full=1"},
    "tcp": {"type": "tcp", "port": 5432},
    "silence": {"type": "silence", "seconds": 600},
    "heartbeat": {"type": "heartbeat", "file": "beat"},
}


@pytest.mark.parametrize("kind", GOOD)
def test_the_least_that_a_probe_needs_is_enough(kind: str) -> None:
    assert probes.problem([GOOD[kind]], 30) is None
    (probe,) = probes.parse([GOOD[kind]], 30)
    assert (probe.name, probe.type) == (kind, ProbeType(kind))
    assert (probe.period, probe.timeout, probe.successes) == (10, 5, 1)
    assert (probe.start_grace, probe.action) == (30, OnFailure.NOTE)
    assert not probe.readiness


def test_patience_is_three_failures_or_the_seconds_that_were_given() -> None:
    parsed = {p.type.value: p for p in probes.parse(list(GOOD.values()), 20)}
    failures = {kind: probe.failures for kind, probe in parsed.items()}
    assert failures == {"exec": 3, "http": 3, "tcp": 3, "silence": 1, "heartbeat": 1}
    assert parsed["silence"].seconds == 600
    assert parsed["heartbeat"].seconds == 60, "three intervals of 20 s"
    assert parsed["tcp"].host == "127.0.0.1"


def test_a_short_period_shortens_the_timeout_that_nobody_chose() -> None:
    (probe,) = probes.parse([GOOD["tcp"] | {"period": 2}], 30)
    assert probe.timeout == 2


def test_everything_that_can_be_said_is_taken() -> None:
    every = {
        "name": "web",
        "period": 30,
        "timeout": 2.5,
        "failures": 2,
        "successes": 3,
        "start_grace": 0,
        "action": "restart",
        "readiness": True,
        "start_timeout": 120,
        "status": 204,
    }
    given = [GOOD["http"] | every]
    assert probes.problem(given, 30) is None
    (probe,) = probes.parse(given, 30)
    assert {key: getattr(probe, key) for key in every} == every
    assert probe.subject == "probe web (http)"


def test_a_probe_without_a_name_is_called_by_its_type_once() -> None:
    (probe,) = probes.parse([GOOD["tcp"]], 30)
    assert probe.subject == "probe tcp"


REFUSED: list[tuple[Any, str]] = [
    ("http", "Probes are a list"),
    (GOOD["tcp"], "Probes are a list"),
    ([GOOD["tcp"]] * 17, "at most 16"),
    (["tcp"], "Probe 1: a probe is a mapping of keys"),
    ([{}], "Probe 1: its type is one of exec, http, tcp, silence, heartbeat."),
    ([{"type": "htpp"}], "Did you mean 'http'?"),
    ([{"type": ["tcp"]}], "its type is one of"),
    ([GOOD["tcp"] | {"prot": 1}], "tcp has no key 'prot'. Did you mean 'port'"),
    ([GOOD["silence"] | {"timeout": 1}], "silence has no key 'timeout'"),
    ([GOOD["silence"] | {"readiness": True}], "silence has no key 'readiness'"),
    ([{"type": "exec"}], "exec needs the key 'command'"),
    ([{"type": "http"}], "http needs the key 'url'"),
    ([{"type": "tcp"}], "tcp needs the key 'port'"),
    ([{"type": "silence"}], "silence needs the key 'seconds'"),
    ([{"type": "heartbeat"}], "heartbeat needs the key 'file'"),
    ([{"type": "exec", "command": "true"}], "A command is a list of strings"),
    ([{"type": "exec", "command": []}], "The command is empty"),
    ([GOOD["tcp"] | {"port": 0}], "port: give a whole number from 1 to 65,535"),
    ([GOOD["tcp"] | {"port": "80"}], "port: give a whole number"),
    ([GOOD["tcp"] | {"port": True}], "port: give a whole number"),
    ([GOOD["tcp"] | {"host": "a b"}], "host: give a host's name or number"),
    ([GOOD["tcp"] | {"period": 0.2}], "period: give a number of seconds from 1"),
    ([GOOD["tcp"] | {"period": float("nan")}], "period: give a number"),
    ([GOOD["tcp"] | {"period": None}], "period: give a number"),
    ([GOOD["tcp"] | {"timeout": 0}], "timeout: give a number of seconds from 0.1"),
    (
        [GOOD["tcp"] | {"timeout": 20}],
        "the timeout (20 s) is longer than the period (10 s). Raise period or lower",
    ),
    ([GOOD["tcp"] | {"failures": 0}], "failures: give a whole number from 1"),
    ([GOOD["tcp"] | {"failures": 1.5}], "failures: give a whole number"),
    ([GOOD["tcp"] | {"successes": 0}], "successes: give a whole number from 1"),
    ([GOOD["tcp"] | {"start_grace": -1}], "start_grace: give a number of seconds"),
    ([GOOD["tcp"] | {"action": "kill"}], "action: give one of note, restart"),
    ([GOOD["tcp"] | {"action": []}], "action: give one of note, restart"),
    ([GOOD["tcp"] | {"name": "a b"}], "name: give 1 to 40 letters"),
    ([GOOD["tcp"] | {"name": 5}], "name: give 1 to 40 letters"),
    ([GOOD["tcp"] | {"readiness": "yes"}], "readiness: give true or false"),
    ([GOOD["tcp"] | {"start_timeout": 9}], 'is for a probe with "readiness": true'),
    ([GOOD["tcp"], GOOD["tcp"]], "Probe 2: another one is named 'tcp' already"),
    (
        [GOOD["tcp"] | {"name": "Web"}, GOOD["http"] | {"name": "web"}],
        "Probe 2: another one is named 'web' already",
    ),
    ([GOOD["http"] | {"url": "localhost:80"}], "url: give a whole address"),
    ([GOOD["http"] | {"url": "ftp://x/"}], "url: give a whole address"),
    ([GOOD["http"] | {"url": "http://"}], "url: give a whole address"),
    ([GOOD["http"] | {"url": "http://x:99999/"}], "url: this is no address"),
    ([GOOD["http"] | {"url": "http://x:0/"}], "url: give a whole address"),
    ([GOOD["http"] | {"url": "http://x/a b"}], "without spaces"),
    ([GOOD["http"] | {"url": "http://x/\r\nA: b"}], "in plain letters"),
    ([GOOD["http"] | {"url": "http://é/"}], "in plain letters"),
    ([GOOD["http"] | {"url": "http://me:pw@x/"}], "name or password in it"),
    ([GOOD["http"] | {"url": 5}], "url: give an address"),
    ([GOOD["http"] | {"status": 99}], "status: give a whole number from 100 to 599"),
    ([GOOD["heartbeat"] | {"file": "/tmp/beat"}], "below the agent's working dir"),
    ([GOOD["heartbeat"] | {"file": "../beat"}], "below the agent's working dir"),
    ([GOOD["heartbeat"] | {"file": "~/beat"}], "below the agent's working dir"),
    ([GOOD["heartbeat"] | {"file": "a\0b"}], "NUL"),
    ([GOOD["heartbeat"] | {"file": ""}], "give a path that the agent touches"),
    (
        [GOOD["heartbeat"] | {"seconds": 29}],
        "a heartbeat is due every 30 s, so it cannot be overdue after 29 s",
    ),
    (
        [GOOD["heartbeat"], GOOD["heartbeat"] | {"name": "b", "file": "other"}],
        "look at one file",
    ),
    ([GOOD["silence"] | {"seconds": 0}], "seconds: give a number of seconds from 1"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_cannot_work_is_refused_and_says_what_to_change(
    given: Any, words: str
) -> None:
    found = probes.problem(given, 30)
    assert found is not None
    assert words in found


def test_a_second_silence_probe_may_do_more_than_the_first() -> None:
    later = {"name": "wedged", "seconds": 3600, "action": "restart"}
    assert probes.problem([GOOD["silence"], GOOD["silence"] | later], 30) is None


def test_the_commands_are_those_of_exec_probes_whatever_stands_around_them() -> None:
    given: list[Any] = [GOOD["exec"], GOOD["tcp"], "x", {"type": "exec"}]
    assert probes.commands(given) == [["true"]]
    assert probes.commands("x") == []

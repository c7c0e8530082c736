"""Probes: how an agent's health is looked after, and what is wrong with a bad one.

Pure: the standard library only. In the set-up a probe is a flat mapping of keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from agents.policy.hints import did_you_mean
from agents.policy.setup import DAY, command_problem, text_problem, within

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
MOST: Final = 16
LOCAL: Final = "127.0.0.1"
# A heartbeat is overdue after so many intervals, where nothing else is said.
MISSED_BEATS: Final = 3


class ProbeType(StrEnum):
    """What is looked at."""

    EXEC = "exec"
    HTTP = "http"
    TCP = "tcp"
    SILENCE = "silence"
    HEARTBEAT = "heartbeat"

    @property
    def by_signs(self) -> bool:
        """Whether it is judged from the signs of life, without asking anybody."""
        return self in (ProbeType.SILENCE, ProbeType.HEARTBEAT)


class Ailment(StrEnum):
    """The conditions of an agent that is not well."""

    UNHEALTHY = "unhealthy"
    SILENT = "silent"
    MEMORY = "memory"
    NOT_READY = "not_ready"


AILMENTS: Final = frozenset(Ailment)


class OnFailure(StrEnum):
    """What follows when a probe fails."""

    NOTE = "note"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe of a valid set-up. Seconds; `status` None: any 2xx or 3xx."""

    name: str
    type: ProbeType
    period: float
    timeout: float
    failures: int
    successes: int
    start_grace: float
    action: OnFailure
    readiness: bool = False
    start_timeout: float = 0.0
    command: tuple[str, ...] = ()
    url: str = ""
    status: int | None = None
    host: str = ""
    port: int = 0
    seconds: float = 0.0
    file: str = ""

    @property
    def subject(self) -> str:
        """How it is called in reasons."""
        if self.name == self.type:
            return f"probe {self.name}"
        return f"probe {self.name} ({self.type})"


def parse(probes: object, heartbeat_interval: float) -> tuple[Probe, ...]:
    """The probes of a valid set-up, with the defaults for what is left out."""
    assert isinstance(probes, list), "a set-up is validated when it is saved"
    return tuple(_parse_one(one, heartbeat_interval) for one in probes)


def _parse_one(given: Mapping[str, Any], heartbeat_interval: float) -> Probe:
    kind = ProbeType(given["type"])
    period = float(given.get("period", 10.0))
    return Probe(
        name=given.get("name", kind.value),
        type=kind,
        period=period,
        timeout=float(given.get("timeout", min(5.0, period))),
        # Their `seconds` are patience enough.
        failures=given.get("failures", 1 if kind.by_signs else 3),
        successes=given.get("successes", 1),
        start_grace=float(given.get("start_grace", 30.0)),
        action=OnFailure(given.get("action", "note")),
        readiness=given.get("readiness", False),
        start_timeout=float(given.get("start_timeout", 60.0)),
        command=tuple(given.get("command", ())),
        url=given.get("url", ""),
        status=given.get("status"),
        host=given.get("host", LOCAL),
        port=given.get("port", 0),
        seconds=float(given.get("seconds", MISSED_BEATS * heartbeat_interval)),
        file=given.get("file", ""),
    )


def commands(probes: object) -> list[list[str]]:
    """The commands of exec probes: whoever sets one runs code as the hub's user."""
    if not isinstance(probes, list):
        return []
    return [
        one["command"]
        for one in probes
        if isinstance(one, dict)
        and one.get("type") == ProbeType.EXEC
        and "command" in one
    ]


# -- what is wrong with them --


def problem(probes: object, heartbeat_interval: float) -> str | None:
    """Why these cannot be an agent's probes; the text says what to change."""
    if found := shape_problem(probes):
        return found
    return _problem_of_all(parse(probes, heartbeat_interval), heartbeat_interval)


def shape_problem(probes: object) -> str | None:
    """The same of each probe alone, without the rest of the set-up."""
    if not isinstance(probes, list):
        return 'Probes are a list: [{"type": "http", "url": "http://127.0.0.1:8080/"}].'
    if len(probes) > MOST:
        return f"{len(probes)} probes are too many. An agent has at most {MOST}."
    for place, one in enumerate(probes, start=1):
        if found := _problem_of_one(one):
            return f"Probe {place}: {found}"
    return None


def _problem_of_all(probes: tuple[Probe, ...], heartbeat_interval: float) -> str | None:
    names = [probe.name.lower() for probe in probes]
    for place, probe in enumerate(probes, start=1):
        if probe.name.lower() in names[: place - 1]:
            return (
                f"Probe {place}: another one is named {probe.name!r} already. "
                'Give it a name of its own: "name": "…".'
            )
        if probe.type is ProbeType.HEARTBEAT and probe.seconds < heartbeat_interval:
            return (
                f"Probe {place}: a heartbeat is due every {heartbeat_interval:g} s, so "
                f"it cannot be overdue after {probe.seconds:g} s. Raise seconds or "
                "lower heartbeat_interval."
            )
    files = {probe.file for probe in probes if probe.type is ProbeType.HEARTBEAT}
    if len(files) > 1:
        return "All heartbeat probes of an agent look at one file. Name the same one."
    return None


def _problem_of_one(given: object) -> str | None:
    if not isinstance(given, dict):
        return 'a probe is a mapping of keys: {"type": "tcp", "port": 5432}.'
    known = [one.value for one in ProbeType]
    kind = given.get("type")
    if not isinstance(kind, str) or kind not in known:
        hint = did_you_mean(str(kind)[:40], known)
        return f"its type is one of {', '.join(known)}. {hint}".rstrip()
    checks = _KEYS[ProbeType(kind)]
    for key, value in given.items():
        if key not in checks:
            hint = did_you_mean(str(key), checks) or f"It takes {', '.join(checks)}."
            return f"{kind} has no key {str(key)[:40]!r}. {hint}"
        if found := checks[key](value):
            return f"{key}: {found}"
    for key in _NEEDED[ProbeType(kind)]:
        if key not in given:
            return f"{kind} needs the key {key!r}."
    return _problem_of_pairs(given)


def _problem_of_pairs(given: Mapping[str, Any]) -> str | None:
    """Values that are good, but not together."""
    if "timeout" in given and given["timeout"] > given.get("period", 10):
        return (
            f"the timeout ({given['timeout']:g} s) is longer than the period "
            f"({given.get('period', 10):g} s). Raise period or lower timeout."
        )
    if "start_timeout" in given and not given.get("readiness"):
        return 'start_timeout is for a probe with "readiness": true. Leave it out.'
    return None


Check = Callable[[Any], str | None]


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str | None:
        if within(value, low, high):
            return None
        return f"give a number of seconds from {low:g} to {high:,.0f}."

    return check


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, int) and within(value, low, high):
            return None
        return f"give a whole number from {low} to {high:,}."

    return check


def _name(value: Any) -> str | None:
    if isinstance(value, str) and NAME.fullmatch(value):
        return None
    return "give 1 to 40 letters, digits, '-' or '_', beginning with a letter or digit."


def _action(value: Any) -> str | None:
    known = [one.value for one in OnFailure]
    return None if value in known else f"give one of {', '.join(known)}."


def _yes_or_no(value: Any) -> str | None:
    return None if isinstance(value, bool) else "give true or false."


def _url(value: Any) -> str | None:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        return "give an address in plain letters: http://127.0.0.1:8080/health."
    if len(value) > 2000 or " " in value:
        return "give an address without spaces and of at most 2,000 letters."
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        return f"this is no address: {error}."
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "give a whole address: http://127.0.0.1:8080/health."
    if parts.username is not None or parts.password is not None:
        return "an address with a name or password in it would be shown. Leave it out."
    return None


def _host(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", value):
        return None
    return 'give a host\'s name or number: "127.0.0.1".'


def _file(value: Any) -> str | None:
    if not isinstance(value, str) or not value.strip() or len(value) > 1000:
        return 'give a path that the agent touches: "heartbeat".'
    if found := text_problem(value):
        return f"a path {found}"
    if value.startswith(("/", "~")) or ".." in value.split("/"):
        return "give a path below the agent's working directory, without '..'."
    return None


def _known(_: Any) -> str | None:
    return None


_COMMON: Final[Mapping[str, Check]] = {
    "type": _known,
    "name": _name,
    # More often costs more than it tells.
    "period": _number(1, DAY),
    "failures": _whole(1, 1000),
    "successes": _whole(1, 1000),
    "start_grace": _number(0, DAY),
    "action": _action,
}
_WAITED_FOR: Final[Mapping[str, Check]] = {"timeout": _number(0.1, 300)}
_READINESS: Final[Mapping[str, Check]] = {
    "readiness": _yes_or_no,
    "start_timeout": _number(1, DAY),
}
_SECONDS: Final[Mapping[str, Check]] = {"seconds": _number(1, 30 * DAY)}
# Silence has no `readiness`: a program that says nothing yet is not ready for that.
_KEYS: Final[Mapping[ProbeType, Mapping[str, Check]]] = {
    ProbeType.EXEC: {
        **_COMMON,
        **_WAITED_FOR,
        **_READINESS,
        "command": command_problem,
    },
    ProbeType.HTTP: {
        **_COMMON,
        **_WAITED_FOR,
        **_READINESS,
        "url": _url,
        "status": _whole(100, 599),
    },
    ProbeType.TCP: {
        **_COMMON,
        **_WAITED_FOR,
        **_READINESS,
        "host": _host,
        "port": _whole(1, 65_535),
    },
    ProbeType.SILENCE: {**_COMMON, **_SECONDS},
    ProbeType.HEARTBEAT: {**_COMMON, **_READINESS, **_SECONDS, "file": _file},
}
_NEEDED: Final[Mapping[ProbeType, tuple[str, ...]]] = {
    ProbeType.EXEC: ("command",),
    ProbeType.HTTP: ("url",),
    ProbeType.TCP: ("port",),
    ProbeType.SILENCE: ("seconds",),
    ProbeType.HEARTBEAT: ("file",),
}

"""What may stand under each key of a set-up that comes from a file or a program.

Nothing is nested deeper than the field it is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from agents.models import Agent
from agents.models.choices import SET_UP_KINDS, Adapter, AutoRestart, Stdin
from agents.models.setup_fields import SETUP_FIELDS
from agents.policy import budgets, dependencies, probes, setup
from agents.policy.hints import did_you_mean
from agents.policy.ladder import parse_signal

# Keys of the set-up that no part acts on yet, with what they are without a say.
RESERVED: Final[Mapping[str, Any]] = {
    "workspace_mode": "in_place",
}
KEYS: Final = ("name", *SETUP_FIELDS)
NULL_MEANS_NO_LIMIT: Final = frozenset({"max_restarts", "memory_limit"})


def defaults() -> dict[str, Any]:
    """Every field of a set-up as it is when nothing is said."""
    fresh = Agent()
    return {key: getattr(fresh, key) for key in SETUP_FIELDS}


def read(given: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that can be used, and what is wrong with the others, by key.

    A key without a value (null) is as good as left out, where null means nothing.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for key, value in given.items():
        if key in RESERVED:
            if not _says_nothing(key, value):
                problems[key] = f"{key} is not supported by this version. Leave it out."
        elif key not in CHECKS:
            problem = f"There is no such key. {did_you_mean(str(key), KEYS)}"
            problems[str(key)[:60]] = problem.rstrip()
        elif value is not None or key in NULL_MEANS_NO_LIMIT:
            try:
                values[key] = CHECKS[key](value)
            except ValueError as error:
                problems[key] = str(error)
    return values, problems


def _says_nothing(key: str, value: Any) -> bool:
    empty = value is None or value is False or value in ("", [], {})
    return bool(empty or value == RESERVED[key])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("Give a text; put it in quotes.")
    return value


def _storable(value: Any) -> str:
    if problem := setup.text_problem(_text(value)):
        raise ValueError(f"The text {problem}")
    return str(value)


def _name(value: Any) -> str:
    name = _text(value)
    if problem := setup.name_problem(name):
        raise ValueError(problem)
    return name


def _one_of(choices: Iterable[str]) -> Callable[[Any], str]:
    known = [str(one) for one in choices]

    def check(value: Any) -> str:
        if value not in known:
            shown = repr(value) if isinstance(value, str | int) else "This"
            problem = f"{shown[:60]} is not one of {', '.join(known)}."
            raise ValueError(f"{problem} {did_you_mean(shown, known)}".rstrip())
        return str(value)

    return check


def _flat(problem: Callable[[Any], str | None]) -> Callable[[Any], Any]:
    """A list or a mapping of texts, judged by one of the set-up's own rules."""

    def check(value: Any) -> Any:
        if found := problem(value):
            raise ValueError(found)
        return value

    return check


def _command(value: Any) -> Any:
    """An empty list is let through here: a native agent's is, and the model judges."""
    return value if value == [] else _flat(setup.command_problem)(value)


def _env(value: Any) -> dict[str, str | None]:
    """null is let through here: it stands for a secret that is not in the file."""
    if isinstance(value, dict):
        _flat(setup.env_problem)({k: "" if v is None else v for k, v in value.items()})
        return value
    return dict(_flat(setup.env_problem)(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("Give a number, without quotes and without a unit.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("Give a number that is not endless.")
    return number


def _limit(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("Give a whole number, or null for no limit.")
    if not 0 <= value <= 10**6:
        raise ValueError("Give 0 or more, or leave it empty (null) for no limit.")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("Give a whole number, without quotes.")
    if not 0 <= value <= 10**6:
        raise ValueError("Give a number that can be counted to.")
    return value


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Give true or false, without quotes.")
    return value


def _memory(value: Any) -> int | None:
    if problem := setup.memory_problem(value):
        raise ValueError(problem)
    return None if value is None else int(value)


def _signal(value: Any) -> str:
    return parse_signal(_text(value)).name.removeprefix("SIG")


CHECKS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "name": _name,
    "kind": _one_of(SET_UP_KINDS),
    "adapter": _one_of((Adapter.COMMAND, Adapter.NATIVE)),
    "role": _text,
    "labels": _flat(setup.labels_problem),
    "capabilities": _flat(setup.capabilities_problem),
    "node": _text,
    "command": _command,
    "env": _env,
    "cwd": _text,
    "stdin": _one_of(Stdin.values),
    "auto_restart": _one_of(AutoRestart.values),
    "max_restarts": _limit,
    "restart_window": _number,
    "backoff_initial": _number,
    "backoff_max": _number,
    "healthy_after": _number,
    "stop_signal": _signal,
    "stop_grace": _number,
    "heartbeat_interval": _number,
    "memory_limit": _memory,
    "depends_on": _flat(dependencies.problem),
    "probes": _flat(probes.shape_problem),
    "provider": _storable,
    "model": _storable,
    "system_prompt": _storable,
    "workspace": _storable,
    "allow_commands": _yes_or_no,
    "max_concurrent_tasks": _count,
    "budget": _flat(budgets.agent_problem),
}

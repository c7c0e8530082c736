"""An agent's set-up as plain data, and what is wrong with one that cannot work.

Pure: the standard library only; the file system is looked at, never changed.
"""

from __future__ import annotations

import os
import re
import signal
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agents.policy.dependencies import Dependency
from agents.policy.ladder import parse_signal
from agents.policy.native import NativeSetup
from agents.policy.restart import Mode, RestartPolicy

if TYPE_CHECKING:
    from agents.policy.probes import Probe

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# The hub's own django-q2 cluster, an agent that people neither set up nor steer.
CLUSTER_NAME: Final = "agenthub-cluster"
# The others would collide with addresses of the control API.
RESERVED_NAMES: Final = frozenset({"batch", "register", CLUSTER_NAME})
ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,62}")
OWN_ENV_PREFIX: Final = "AGENTHUB_"
DAY: Final = 86_400.0
# Linux's MAX_ARG_STRLEN without its closing NUL: no text given to a program is longer.
LONGEST_ARGUMENT: Final = 131_071
LEAST_MEMORY: Final = 2**20
MOST_MEMORY: Final = 2**50


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """Everything the engine needs to run one agent. Seconds throughout."""

    id: int
    name: str
    kind: str
    adapter: str
    command: tuple[str, ...]
    cwd: str
    stdin: str
    stop_signal: str
    stop_grace: float
    restart: RestartPolicy
    revision: int
    launch_revision: int
    env: Mapping[str, str] = field(default_factory=dict)
    memory_limit: int | None = None
    probes: tuple[Probe, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    internal: bool = False
    native: NativeSetup | None = None


def name_problem(name: str) -> str | None:
    """Why this cannot be an agent's name; None when it can."""
    if not name:
        return "Give the agent a name."
    if not NAME.fullmatch(name):
        return (
            "A name has 1 to 63 letters, digits, '-' or '_' "
            "and begins with a letter or digit."
        )
    if name.lower() in RESERVED_NAMES:
        return f"{name!r} is reserved for the hub itself. Choose another name."
    return None


def command_problem(command: object) -> str | None:
    """Why this cannot be a command: a list of strings, the program first."""
    if not isinstance(command, list) or not all(isinstance(a, str) for a in command):
        return (
            'A command is a list of strings, the program first: ["python", "-m", '
            '"http.server"]. It never passes a shell; for one, write '
            '["sh", "-c", "…"].'
        )
    if not command or not command[0].strip():
        return "The command is empty. Name the program to run."
    for argument in command:
        if problem := argument_problem(argument):
            return f"An argument {problem}"
    return None


def text_problem(text: str) -> str | None:
    """Why the system cannot be given this text; it goes on after its subject."""
    if "\0" in text:
        return "cannot contain a NUL character."
    try:
        text.encode()
    except UnicodeEncodeError:
        return "cannot contain half a letter (a lone surrogate)."
    return None


def argument_problem(text: str) -> str | None:
    """Why no program can be given this text, likewise."""
    if problem := text_problem(text):
        return problem
    size = len(text.encode())
    if size <= LONGEST_ARGUMENT:
        return None
    return f"has {size:,} bytes, and the system takes {LONGEST_ARGUMENT:,}. Use a file."


def role_problem(role: str) -> str | None:
    """Why this cannot be a role: it is shown in tables and on terminals."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in role):
        return "A role is one line of text, without control characters."
    return None


def env_problem(env: object) -> str | None:
    """Why this cannot be the agent's own environment."""
    if not isinstance(env, dict):
        return 'The environment is a mapping of names to texts: {"LANG": "C"}.'
    for name, value in env.items():
        if not isinstance(name, str) or not ENV_NAME.fullmatch(name):
            return (
                f"{name!r} is not a variable's name: use letters, digits and '_', "
                "not beginning with a digit."
            )
        if name.startswith(OWN_ENV_PREFIX):
            return f"{name}: names beginning with {OWN_ENV_PREFIX} are the hub's own."
        if not isinstance(value, str):
            return f"{name}: the value must be a text; put it in quotes."
        if problem := argument_problem(f"{name}={value}"):
            return f"{name}: the value {problem}"
    return None


def labels_problem(labels: object) -> str | None:
    """Why these cannot be labels: short texts by short names."""
    if not isinstance(labels, dict):
        return 'Labels are a mapping of names to texts: {"team": "search"}.'
    for key, value in labels.items():
        if not isinstance(key, str) or not LABEL_KEY.fullmatch(key):
            return f"{key!r} is not a label's name: letters, digits and _ . / - only."
        if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            return f"{key}: a label's value is a printable text of at most 200 letters."
    return None


def capabilities_problem(capabilities: object) -> str | None:
    """Why these cannot be capabilities: a list of short texts."""
    if not isinstance(capabilities, list) or not all(
        isinstance(c, str) and c.strip() and len(c) <= 100 and c.isprintable()
        for c in capabilities
    ):
        return 'Capabilities are a list of short texts: ["review", "python"].'
    return None


def cwd_problem(cwd: str) -> str | None:
    """Why the program cannot start there; empty means the hub's own choice."""
    if not cwd:
        return None
    if problem := text_problem(cwd):
        return f"A directory's name {problem}"
    if not os.path.isabs(os.path.expanduser(cwd)):
        return f"{cwd!r} is relative. Give the whole path, beginning with / or ~."
    if not os.path.isdir(os.path.expanduser(cwd)):
        return f"{cwd!r} is not a directory on this machine. Make it first."
    return None


def signal_problem(name: str) -> str | None:
    """Why this cannot be the stop signal."""
    try:
        chosen = parse_signal(name)
    except ValueError as error:
        return str(error)
    if chosen is signal.SIGSTOP:
        return "STOP freezes a program and cannot end it. Use TERM, INT or HUP."
    return None


def timing_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the numbers, by field; a field left out is not judged."""
    problems: dict[str, str] = {}
    for name in ("restart_window", "healthy_after"):
        if name in values and not within(values[name], 0, 30 * DAY, empty=False):
            problems[name] = "Give more than 0 seconds and at most 30 days."
    for name in ("backoff_initial", "backoff_max", "stop_grace"):
        if name in values and not within(values[name], 0, DAY):
            problems[name] = "Give 0 seconds or more, at most one day."
    if "heartbeat_interval" in values and not within(
        values["heartbeat_interval"], 1, DAY
    ):
        problems["heartbeat_interval"] = "Give 1 second or more, at most one day."
    most = values.get("max_restarts")
    if most is not None and not (isinstance(most, int) and within(most, 0, 10**6)):
        problems["max_restarts"] = (
            "Give 0 or more, or leave it empty (null) for no limit."
        )
    judged = values.keys() - problems.keys()
    if not {"backoff_initial", "backoff_max"} <= judged:
        return problems
    first, last = values["backoff_initial"], values["backoff_max"]
    if first > last:
        problems["backoff_initial"] = (
            f"The first back-off ({first:g} s) is longer than the longest "
            f"({last:g} s). Lower this one or raise backoff_max."
        )
    return problems


def memory_problem(limit: object) -> str | None:
    """Why this cannot be the most memory that the agent's processes may use."""
    if limit is None or (
        isinstance(limit, int) and within(limit, LEAST_MEMORY, MOST_MEMORY)
    ):
        return None
    return (
        "The memory limit is a whole number of bytes, at least 1048576 (1 MB): "
        "512 MB are 536870912. Leave it empty (null) for no limit."
    )


def within(value: object, low: float, high: float, *, empty: bool = True) -> bool:
    """Whether it is a number from low to high; without `empty`, above low.

    NaN is in no range, and True is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= high and (empty or value > low)


def restart_policy(values: Mapping[str, Any]) -> RestartPolicy:
    """The policy in a valid set-up's fields."""
    return RestartPolicy(
        mode=Mode(values["auto_restart"]),
        max_restarts=values["max_restarts"],
        window=values["restart_window"],
        backoff_initial=values["backoff_initial"],
        backoff_max=values["backoff_max"],
        healthy_after=values["healthy_after"],
    )

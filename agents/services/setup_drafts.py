"""A set-up as somebody would have it: built of its keys and judged, not yet stored.

What may enter: what files (`transfer`) and programs (`setup_edits`) have in common.
What stands under each key is judged in `setup_keys`. Blocking.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from agents.models import Agent
from agents.models.setup_fields import SETUP_FIELDS
from agents.policy.redact import MASK, is_secret


def draft(name: str, values: Mapping[str, Any], stored: Agent | None) -> Agent:
    """The agent with these values; what they leave out is that of `stored`, which
    stays as it is, or the default."""
    agent = copy.copy(stored) if stored is not None else Agent(name=name)
    for key, value in values.items():
        setattr(agent, key, copy.copy(value))
    return agent


def take_secrets(
    values: dict[str, Any], stored: Mapping[str, str], problems: dict[str, str]
) -> tuple[str, ...]:
    """Put stored values where null stands for a secret; the names of those that
    there are not. Only secrets may be null."""
    if "env" in problems or "env" not in values:
        return ()
    env: dict[str, str] = {}
    missing = []
    for name, value in values["env"].items():
        withheld = value is None or value == MASK
        if not withheld:
            env[name] = str(value)
        elif not is_secret(name):
            problems["env"] = f"{name}: give a text; only secrets may be left to null."
        elif name in stored:
            env[name] = stored[name]
        else:
            missing.append(name)
    values["env"] = env
    return tuple(missing)


def model_problems(agent: Agent, known: Mapping[str, str]) -> dict[str, str]:
    """What the model itself has to say, on keys not complained about yet."""
    try:
        agent.full_clean(
            exclude=set(known), validate_unique=False, validate_constraints=False
        )
    except ValidationError as error:
        return {
            key: messages[-1]
            for key, messages in error.message_dict.items()
            if key not in known
        }
    return {}


def exported(agent: Agent) -> dict[str, Any]:
    """Every key in its order; null stands where a secret value would."""
    return {"name": agent.name} | {
        key: _exported(key, getattr(agent, key)) for key in SETUP_FIELDS
    }


def _exported(key: str, value: Any) -> Any:
    if key == "env":
        return {name: None if is_secret(name) else v for name, v in value.items()}
    if isinstance(value, str):
        return str(value)  # A choice not read back from a row yet is no plain text.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value

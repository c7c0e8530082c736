"""A set-up that a program sends, key by key: a new agent, or a change of one.

The keys are those of files and are judged alike; all that is wrong is told at once, by
key. What is left out of a change stays, null is the default. Blocking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from agents.models import Agent
from agents.policy.dependencies import listed
from agents.services import dependencies, providers, setup_drafts, setup_keys


def new(given: Mapping[Any, Any]) -> Agent:
    """The agent that is asked for, to be stored by `setups.save`.

    Raises django's ValidationError with a message for each key.
    """
    values, problems = setup_keys.read(given)
    name = values.pop("name", "")
    if not name and "name" not in problems:
        problems["name"] = "Give the agent a name."
    elif Agent.every.filter(name__iexact=name).exists():
        problems["name"] = "An agent of this name exists already."
    return _judged(name, values, problems, None)


def changed(stored: Agent, given: Mapping[Any, Any]) -> Agent:
    """A copy of `stored` with what is given, likewise; `stored` stays as it is.

    Call it with the row locked. A secret of `env` that is null keeps its value; one
    that is left out of an `env` is gone.
    """
    values, problems = setup_keys.read(given)
    if values.pop("name", stored.name) != stored.name:
        problems["name"] = "A name never changes. Make a new agent instead."
    usual = setup_keys.defaults() | {"kind": stored.kind}
    empty = [key for key, value in given.items() if value is None and key in usual]
    values = {key: usual[key] for key in empty} | values
    return _judged(stored.name, values, problems, stored)


def _judged(
    name: str, values: dict[str, Any], problems: dict[str, str], stored: Agent | None
) -> Agent:
    missing = setup_drafts.take_secrets(values, stored.env if stored else {}, problems)
    if missing:
        problems["env"] = (
            f"Give the value of {listed(missing)}: null keeps a stored one, and there "
            "is none."
        )
    agent = setup_drafts.draft(name, values, stored)
    problems |= setup_drafts.model_problems(agent, problems)
    if stored is None or agent.provider != stored.provider:
        _complain(problems, "provider", _provider_problem(agent))
    if not {"name", "depends_on"} & problems.keys():
        _complain(problems, "depends_on", dependencies.problem(name, agent.depends_on))
    if problems:
        raise ValidationError(problems)
    return agent


def _complain(problems: dict[str, str], key: str, problem: str | None) -> None:
    if problem:
        problems.setdefault(key, problem)


def _provider_problem(agent: Agent) -> str | None:
    if not agent.provider or agent.provider in providers.names():
        return None
    return providers.unknown(agent.provider)

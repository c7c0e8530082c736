"""What the execution of a task yields, in order, ending in exactly one Done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from agents.policy.provider_retry import ErrorKind
from agents.policy.tasks import TaskState
from agents.services.prices import Tokens
from agents.services.steps import StepData


@dataclass(frozen=True, slots=True)
class AnswerBegins:
    """The model is asked, or asked anew: words heard before are void."""


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of an answer, to be shown and not to be stored."""

    text: str
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt has used up to now; a later one of its number replaces it."""

    attempt: int
    provider: str
    kind: str
    model: str
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class StepEnds:
    """A step to be committed, with what was spent, before the next one begins."""

    step: StepData


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing happens for a reason that people should see; empty: it goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended. `kind`: of the failure; `retry_after` in seconds, if told."""

    state: TaskState
    reason: str = ""
    result: str = ""
    kind: ErrorKind | None = None
    retry_after: float | None = None


TaskEvent: TypeAlias = AnswerBegins | Words | Spent | StepEnds | Waits | Done

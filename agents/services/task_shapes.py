"""The shapes in which programs read tasks: the API's own, and the CLI's `--json`."""

from __future__ import annotations

from typing import Any, Final

from agents.models import Step, Task
from agents.services import first_answers, phase_view
from agents.services.shapes import money, utc

# What is told of its phase is in other tables.
PHASE: Final = ("waits_for", "arrival__barrier")
TOKENS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


def cost(task: Task) -> str | None:
    """What it has cost in USD; None when the price of some of it is not known."""
    return None if task.unpriced else money(task.cost)


def usage(task: Task) -> dict[str, int]:
    """The tokens of all attempts; `output` has the reasoning in it."""
    return {name: getattr(task, name) for name in TOKENS}


def _own_key(task: Task) -> str | None:
    """The key that it was asked with; not the name of a request that had one."""
    key = task.idempotency_key
    return None if not key or first_answers.is_own(key) else key


def task_shape(task: Task) -> dict[str, Any]:
    """One task; fetch it with `select_related("run", *PHASE)`."""
    return {
        "id": task.pk,
        "agent": task.agent_name,
        "state": task.state,
        "reason": task.reason,
        "prompt": task.prompt,
        "result": task.result or None,
        "error": task.error or None,
        "question": task.question or None,
        "answer": task.answer,
        "paths": task.paths,
        "touched_outside": task.touched or None,
        "arrives_at": phase_view.task_arrival_shape(task),
        "waits_for": phase_view.waits_shape(task),
        "priority": task.priority,
        "timeout": task.timeout,
        "attempts": task.attempts,
        "max_attempts": task.max_attempts,
        "budget": task.budget,
        "conversation": str(task.conversation),
        "idempotency_key": _own_key(task),
        "run": task.run.number if task.run else None,
        "created_by": task.created_by,
        "via": task.via,
        "created_at": utc(task.created_at),
        "not_before": utc(task.not_before),
        "started_at": utc(task.started_at),
        "ended_at": utc(task.ended_at),
        "cancel_asked_at": utc(task.cancel_asked_at),
        "usage": usage(task),
        "cost": cost(task),
    }


def step_shape(step: Step) -> dict[str, Any]:
    """One step. What only its provider could read of an answer is left out."""
    data = {key: value for key, value in step.data.items() if key != "native"}
    return {
        "number": step.number,
        "kind": step.kind,
        "attempt": step.attempt,
        "at": utc(step.at),
        "data": data,
    }

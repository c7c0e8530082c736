"""AgentHub's own services with Django loaded: what a page or a command would call."""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Final

import django
from django.conf import settings
from django.core.management import call_command

django.setup()

from agents.models import Agent, Run  # noqa: E402
from agents.policy.states import Action, Status  # noqa: E402
from agents.services import first_start, lifecycle  # noqa: E402
from agents.services.lifecycle import Asker  # noqa: E402

LOOK_EVERY: Final = 0.002
PATIENCE: Final = 120.0


def found() -> bool:
    """What the first start of a hub does, done before any clock runs."""
    call_command("migrate", verbosity=0, interactive=False)
    first_start.make_groups()
    first_start.make_admin(settings.AGENTHUB_ADMIN_PASSWORD)
    return True


def ask(action: Action) -> int:
    """Ask it of all agents, as the batch buttons do; of how many."""
    ids = list(Agent.objects.values_list("pk", flat=True))
    return len(lifecycle.ask(action, ids, Asker("bench", "python", "a measurement")))


def recorded(status: Status) -> bool:
    """Whether every agent comes to have this status in time."""
    until = time.monotonic() + PATIENCE
    while Agent.objects.exclude(status=status).exists():
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY)
    return True


def pids() -> list[int]:
    """The leaders of all agents that have one."""
    return [pid for pid in Agent.objects.values_list("pid", flat=True) if pid]


def outputs() -> dict[str, str]:
    """By agent: the folder of its latest run, below the data directory's `runs`."""
    return {run.agent_name: run.folder for run in Run.objects.order_by("number")}


def answer(word: str) -> Any:
    """Carry out one command."""
    match word:
        case "found":
            return found()
        case "start" | "stop":
            return ask(Action(word))
        case "running" | "stopped":
            return recorded(Status(word))
        case "pids":
            return pids()
        case "outputs":
            return outputs()
    raise ValueError(word)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)

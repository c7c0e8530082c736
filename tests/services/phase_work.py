"""Work in phases: three agents that build, and one that tests after them."""

from __future__ import annotations

from typing import Any

from agents.models import Agent, Task
from agents.policy.tasks import TaskState
from agents.services import (
    due,
    phase_steps,
    tasks,
    work,
)
from agents.services.lifecycle import Asker
from agents.services.phases import Phase
from agents.services.tasks import Ask
from tests.harness.engine import thinker
from tests.harness.recorded import run_of

BOB = Asker("bob", "page", "a release")
PARTIES = ("api", "db", "web")


def everybody() -> dict[str, Agent]:
    """The three who meet, and who comes after them."""
    return {name: thinker(name) for name in (*PARTIES, "tester")}


def asked(agent: Agent, **phase: Any) -> Task:
    return tasks.ask(agent.pk, Ask("Build it.", phase=Phase(**phase)), BOB)[0]


def built(agents: dict[str, Agent], **phase: Any) -> list[Task]:
    """The phase before: a task for each of the three."""
    how = {"barrier": "built", "parties": PARTIES, **phase}
    return [asked(agents[name], **how) for name in PARTIES]


def end(task: Task, state: str = TaskState.SUCCEEDED, **more: Any) -> None:
    """Its engine says how it ended."""
    agent = Agent.objects.get(name=task.agent_name)
    run = agent.run or run_of(agent)
    found = work.turn(agent.pk, run.pk, 9, ()).claimed
    (claimed,) = [one for one in found if one.id == task.pk]
    assert work.end(claimed, TaskState(state), str(state), **more)


def step() -> bool:
    return phase_steps.step()


def look(task: Task) -> tuple[str, str]:
    task.refresh_from_db()
    return task.state, task.reason


def may_begin(task: Task) -> bool:
    assert task.agent_id is not None
    return task.pk in due.due(task.agent_id)

"""The read side of a native agent's work: how it is set up for it, and its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agents.models import Agent, Provider
from agents.models.choices import Kind
from agents.policy.native import PRESETS
from agents.policy.states import ALIVE
from agents.services import agent_health, budgets, task_list
from agents.services.agent_health import SaidView
from agents.services.task_list import TaskRow

NOT_RUNNING: Final = "It does not run. What you ask is kept, and begins when it starts."


@dataclass(frozen=True, slots=True)
class NativeView:
    """How it is set up to work; `model` in words where the set-up leaves it out."""

    provider: str
    model: str
    prompt: str
    prompt_from: str
    workspace: str
    allow_commands: bool
    at_once: int


@dataclass(frozen=True, slots=True)
class WorkView:
    """What it does now, and its tasks: those at work, those that wait, the latest.

    `obstacle`: why what is asked now does not begin soon; `refusal`: why it cannot be
    asked at all.
    """

    activity: str
    activity_label: str
    note: str
    tasks: tuple[TaskRow, ...]
    waiting: int
    obstacle: str
    refusal: str


def native_view(agent: Agent) -> NativeView | None:
    """None for a program."""
    if agent.kind != Kind.NATIVE_LLM:
        return None
    role = agent.role.strip().lower()
    if agent.system_prompt.strip():
        said = "its own"
    else:
        said = f"that of the role {role}" if role in PRESETS else "the usual one"
    return NativeView(
        provider=agent.provider,
        model=agent.model or _default_model(agent.provider),
        prompt=agent.system_prompt,
        prompt_from=said,
        workspace=agent.workspace,
        allow_commands=agent.allow_commands,
        at_once=agent.max_concurrent_tasks,
    )


def _default_model(provider: str) -> str:
    found = Provider.objects.filter(name=provider).first()
    model = found.default_model if found else ""
    return f"{model} (the provider's default)" if model else "the provider's default"


def work_view(agent: Agent) -> WorkView | None:
    """None for a program."""
    if agent.kind != Kind.NATIVE_LLM:
        return None
    alive = agent.status in ALIVE
    said = agent_health.said_view(agent) or SaidView("", "", "")
    return WorkView(
        activity=said.activity,
        activity_label=said.label,
        note=said.note,
        tasks=task_list.of_agent(agent.pk),
        waiting=task_list.waiting_for(agent.pk),
        obstacle="" if alive else NOT_RUNNING,
        refusal=budgets.refusal(agent.pk),
    )

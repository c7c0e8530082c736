"""An agent's row as the engine takes it: a frozen set-up, all of it parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.models.choices import Kind
from agents.models.setup_fields import SETUP_FIELDS
from agents.policy import dependencies, native, probes, setup

if TYPE_CHECKING:
    from agents.models.agent import Agent


def of(agent: Agent) -> setup.AgentSetup:
    """Its set-up as it stands in the row, which has been found to be good."""
    values = {name: getattr(agent, name) for name in SETUP_FIELDS}
    return setup.AgentSetup(
        id=agent.pk,
        name=agent.name,
        kind=agent.kind,
        adapter=agent.adapter,
        command=tuple(agent.command),
        cwd=agent.cwd,
        stdin=agent.stdin,
        stop_signal=agent.stop_signal,
        stop_grace=agent.stop_grace,
        restart=setup.restart_policy(values),
        revision=agent.revision,
        launch_revision=agent.launch_revision,
        env=dict(agent.env),
        memory_limit=agent.memory_limit,
        probes=probes.parse(agent.probes, agent.heartbeat_interval),
        depends_on=dependencies.read(agent.depends_on),
        internal=agent.internal,
        native=_native(agent),
    )


def _native(agent: Agent) -> native.NativeSetup | None:
    if agent.kind != Kind.NATIVE_LLM:
        return None
    return native.NativeSetup(
        provider=agent.provider,
        model=agent.model,
        system_prompt=native.system_prompt(agent.system_prompt, agent.role),
        workspace=agent.workspace,
        allow_commands=agent.allow_commands,
        max_concurrent_tasks=agent.max_concurrent_tasks,
    )

"""The columns that are an agent's set-up, and who may change them to what effect."""

from __future__ import annotations

from typing import Final

SETUP_FIELDS: Final = [
    "kind",
    "adapter",
    "role",
    "labels",
    "capabilities",
    "node",
    "command",
    "env",
    "cwd",
    "stdin",
    "auto_restart",
    "max_restarts",
    "restart_window",
    "backoff_initial",
    "backoff_max",
    "healthy_after",
    "stop_signal",
    "stop_grace",
    "heartbeat_interval",
    "memory_limit",
    "depends_on",
    "probes",
    "provider",
    "model",
    "system_prompt",
    "workspace",
    "allow_commands",
    "max_concurrent_tasks",
    "budget",
]

# Whoever changes one of these runs code as the hub's user. So does an exec probe's
# command, which is the one part of `probes` that needs the same right. An input has
# those who may operate write to a program, which may be a shell.
COMMAND_FIELDS: Final = (
    "command",
    "env",
    "cwd",
    "stdin",
    "workspace",
    "allow_commands",
)

# A run keeps these as it was started with; all others take effect at once.
LAUNCH_FIELDS: Final = (
    "kind",
    "adapter",
    "node",
    "command",
    "env",
    "cwd",
    "stdin",
    "provider",
    "model",
    "system_prompt",
    "workspace",
    "allow_commands",
    "max_concurrent_tasks",
)
NATIVE_FIELDS: Final = (
    "provider",
    "model",
    "system_prompt",
    "workspace",
    "allow_commands",
    "max_concurrent_tasks",
)

NUMBER_FIELDS: Final = (
    "max_restarts",
    "restart_window",
    "backoff_initial",
    "backoff_max",
    "healthy_after",
    "stop_grace",
    "heartbeat_interval",
)

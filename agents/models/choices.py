"""The words that may stand in the tables' columns, with their labels."""

from __future__ import annotations

from django.db import models


class Kind(models.TextChoices):
    """What sort of agent it is."""

    PROCESS_WRAPPER = "process_wrapper", "Program"
    NATIVE_LLM = "native_llm", "Native LLM"


class Adapter(models.TextChoices):
    """Which adapter runs it."""

    COMMAND = "command", "Command"


class Stdin(models.TextChoices):
    """What the program reads as its standard input."""

    NONE = "none", "Nothing (/dev/null)"
    FIFO = "fifo", "A named pipe"


class AutoRestart(models.TextChoices):
    """When it is restarted without anybody asking."""

    NEVER = "never", "Never"
    ON_FAILURE = "on_failure", "After a failure"
    ALWAYS = "always", "Always"


class StatusChoice(models.TextChoices):
    """`agents.policy.states.Status`, with labels."""

    STOPPED = "stopped", "Stopped"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    BACKOFF = "backoff", "Back-off"
    CRASHED = "crashed", "Crashed"
    UNKNOWN = "unknown", "Unknown"


class DesiredChoice(models.TextChoices):
    """`agents.policy.states.Desired`, with labels."""

    RUNNING = "running", "Running"
    STOPPED = "stopped", "Stopped"


class ActionChoice(models.TextChoices):
    """`agents.policy.states.Action`, with labels."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    RESTART = "restart", "Restart"
    KILL = "kill", "Kill"


class ScheduledAction(models.TextChoices):
    """What a schedule may ask for; to kill is a person's decision."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    RESTART = "restart", "Restart"


class Outcome(models.TextChoices):
    """What became of a request; empty while it is open."""

    OPEN = "", "Open"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    SUPERSEDED = "superseded", "Superseded"

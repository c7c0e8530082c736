"""The words that may stand in the tables' columns, with their labels.

Where the rules in `agents.policy` have the same words, a test compares them. What a
class says of itself stands in the API's description.
"""

from __future__ import annotations

from typing import Final

from django.db import models


class Kind(models.TextChoices):
    """What sort of agent it is."""

    PROCESS_WRAPPER = "process_wrapper", "Program"
    NATIVE_LLM = "native_llm", "Native LLM"
    EXTERNAL = "external", "External"


# What people set up; agents of the other kind register themselves.
SET_UP_KINDS: Final = (Kind.PROCESS_WRAPPER, Kind.NATIVE_LLM)


class Adapter(models.TextChoices):
    """Which adapter runs it."""

    COMMAND = "command", "Command"
    NATIVE = "native", "Native"
    EXTERNAL = "external", "None: it was started elsewhere"


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
    """How an agent is."""

    STOPPED = "stopped", "Stopped"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    BACKOFF = "backoff", "Back-off"
    CRASHED = "crashed", "Crashed"
    UNKNOWN = "unknown", "Unknown"


class DesiredChoice(models.TextChoices):
    """What is wanted of an agent."""

    RUNNING = "running", "Running"
    STOPPED = "stopped", "Stopped"


class ActionChoice(models.TextChoices):
    """What is asked of an agent."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    RESTART = "restart", "Restart"
    KILL = "kill", "Kill"


class ScheduledAction(models.TextChoices):
    """What a schedule may ask for; to kill is a person's decision."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    RESTART = "restart", "Restart"
    ASK = "ask", "Ask"


class Outcome(models.TextChoices):
    """What became of a request; empty while it is open."""

    OPEN = "", "Open"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    SUPERSEDED = "superseded", "Superseded"


class ProviderKind(models.TextChoices):
    """Whose protocol a provider speaks."""

    ANTHROPIC = "anthropic", "Anthropic"
    OPENAI = "openai", "OpenAI"
    DEEPSEEK = "deepseek", "DeepSeek"
    COMPATIBLE = "compatible", "OpenAI-compatible server"
    OLLAMA = "ollama", "Ollama"
    DEMO = "demo", "Demo (no model)"


class TaskStateChoice(models.TextChoices):
    """How a task is."""

    QUEUED = "queued", "Queued"
    WAITING_FOR_LOCK = "waiting_for_lock", "Waiting for a lock"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    TIMED_OUT = "timed_out", "Timed out"
    INTERRUPTED = "interrupted", "Interrupted"


class StepKindChoice(models.TextChoices):
    """What a step of a task is."""

    USER = "user", "Asked"
    ANSWER = "answer", "Answer"
    CALL = "call", "Tool call"
    RESULT = "result", "Tool result"
    NOTE = "note", "Note"


class ActivityChoice(models.TextChoices):
    """What an agent says it does."""

    IDLE = "idle", "Idle"
    WORKING = "working", "Working"
    WAITING = "waiting", "Waiting"


class BudgetScope(models.TextChoices):
    """Whose spending is limited."""

    ALL = "all", "All agents"
    PROVIDER = "provider", "One provider"


class BudgetPeriod(models.TextChoices):
    """How long a limit counts; in UTC."""

    DAY = "day", "Day"
    MONTH = "month", "Month"


class ScopeChoice(models.TextChoices):
    """What a token lets a program do; each has those before it."""

    VIEW = "view", "View"
    OPERATE = "operate", "Operate"
    CONFIGURE = "configure", "Configure"


class LockModeChoice(models.TextChoices):
    """Whether a lock is held beside others of its mode, or alone."""

    SHARED = "shared", "Shared"
    EXCLUSIVE = "exclusive", "Exclusive"


class ClaimStateChoice(models.TextChoices):
    """Where a claim on files is."""

    WAITING = "waiting", "Waiting"
    HELD = "held", "Held"
    ENDED = "ended", "Ended"


class RoundStateChoice(models.TextChoices):
    """Where one generation of a barrier is."""

    WAITING = "waiting", "Waiting"
    TRIPPED = "tripped", "Tripped"
    BROKEN = "broken", "Broken"
    TIMED_OUT = "timed_out", "Timed out"


class ExpectedStateChoice(models.TextChoices):
    """What became of work that was to arrive at a barrier."""

    AWAITED = "awaited", "Awaited"
    ARRIVED = "arrived", "Arrived"
    LOST = "lost", "Lost: it did not succeed"
    LATE = "late", "Late: the round was over before"


class OnFailureChoice(models.TextChoices):
    """What a party that ends before it arrives means for the others."""

    BREAK = "break", "Break: the others are told at once"
    WAIT = "wait", "Wait: it may come back"


class BatchActionChoice(models.TextChoices):
    """What a batch may ask for."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    RESTART = "restart", "Restart"
    KILL = "kill", "Kill"
    ASK = "ask", "Ask"


class BatchStateChoice(models.TextChoices):
    """Where a batch is."""

    RUNNING = "running", "Under way"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class ItemStateChoice(models.TextChoices):
    """Where one agent of a batch is."""

    WAITING = "waiting", "Waiting"
    BEGUN = "begun", "Under way"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Not begun"

"""The agent: its set-up, what is wanted of it, and what was last seen of it.

Three groups of columns with three writers: people write the set-up, requests
write what is wanted, the supervisor writes what is observed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from agents.models import engine_setup
from agents.models.choices import (
    SET_UP_KINDS,
    ActionChoice,
    ActivityChoice,
    Adapter,
    AutoRestart,
    DesiredChoice,
    Kind,
    StatusChoice,
    Stdin,
)
from agents.models.peoples_agents import PeoplesAgents
from agents.models.setup_fields import NATIVE_FIELDS, NUMBER_FIELDS, SETUP_FIELDS
from agents.policy import budgets, dependencies, probes, setup
from agents.policy import native as native_rules
from agents.policy.ladder import parse_signal
from agents.policy.states import ALIVE

if TYPE_CHECKING:
    from collections.abc import Iterable


class Agent(models.Model):
    """One agent. `name` never changes; `revision` counts changes of set-up."""

    name = models.CharField(max_length=63, unique=True)
    kind = models.CharField(
        max_length=20, choices=Kind, default=Kind.PROCESS_WRAPPER, editable=False
    )
    adapter = models.CharField(
        max_length=40, choices=Adapter, default=Adapter.COMMAND, editable=False
    )
    role = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    labels = models.JSONField(
        default=dict, blank=True, help_text='Such as {"team": "search"}.'
    )
    capabilities = models.JSONField(
        default=list, blank=True, help_text='Such as ["review", "python"].'
    )
    node = models.CharField(max_length=63, default="local", editable=False)
    command = models.JSONField(default=list, blank=True)
    env = models.JSONField("environment", default=dict, blank=True)
    cwd = models.CharField(
        "working directory",
        max_length=4096,
        blank=True,
        help_text="Empty: a directory of its own inside the hub's data directory.",
    )
    stdin = models.CharField(
        "standard input", max_length=8, choices=Stdin, default=Stdin.NONE
    )
    auto_restart = models.CharField(
        max_length=12, choices=AutoRestart, default=AutoRestart.ON_FAILURE
    )
    max_restarts = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=5,
        help_text="Automatic restarts within the window; empty: no limit.",
    )
    restart_window = models.FloatField(default=600, help_text="Seconds.")
    backoff_initial = models.FloatField(
        "first back-off", default=1, help_text="Seconds; doubled with each restart."
    )
    backoff_max = models.FloatField(
        "longest back-off", default=60, help_text="Seconds."
    )
    healthy_after = models.FloatField(
        default=600, help_text="Seconds of running after which the counters reset."
    )
    stop_signal = models.CharField(max_length=16, default="TERM")
    stop_grace = models.FloatField(
        default=10, help_text="Seconds between the stop signal and KILL."
    )
    heartbeat_interval = models.FloatField(
        default=30, help_text="Seconds; a heartbeat probe is overdue after three."
    )
    memory_limit = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Bytes of all its processes; above it is restarted. Empty: no limit.",
    )
    depends_on = models.JSONField(
        default=list,
        blank=True,
        help_text='Such as [{"agent": "database", "condition": "healthy"}].',
    )
    probes = models.JSONField(default=list, blank=True)
    # By name, as everywhere outside: a file may come before its provider does.
    provider = models.CharField(
        max_length=63, blank=True, help_text="Who is asked, by a provider's name."
    )
    model = models.CharField(
        max_length=200, blank=True, help_text="Empty: the provider's default model."
    )
    system_prompt = models.TextField(
        blank=True, help_text="Empty: that of the role, if the role is a preset."
    )
    workspace = models.CharField(
        max_length=4096,
        blank=True,
        help_text="The directory its tools work in. Empty: one of its own.",
    )
    allow_commands = models.BooleanField(
        default=False, help_text="Whether it may run programs in its workspace."
    )
    max_concurrent_tasks = models.PositiveIntegerField("tasks at once", default=1)
    budget = models.JSONField(
        default=dict,
        blank=True,
        help_text='USD it may spend, such as {"day": 5, "month": 80}.',
    )

    revision = models.PositiveIntegerField(default=1, editable=False)
    launch_revision = models.PositiveIntegerField(
        default=1,
        editable=False,
        help_text="The revision that last changed what is launched.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who brought it here, if it was started elsewhere.",
    )
    internal = models.BooleanField(
        default=False,
        editable=False,
        help_text="A part of the hub itself, which people neither set up nor steer.",
    )

    desired_state = models.CharField(
        max_length=8,
        choices=DesiredChoice,
        default=DesiredChoice.STOPPED,
        editable=False,
    )
    generation = models.PositiveBigIntegerField(default=0, editable=False)
    wanted_action = models.CharField(
        max_length=8, choices=ActionChoice, default=ActionChoice.STOP, editable=False
    )
    wanted_by = models.CharField(max_length=150, blank=True, editable=False)
    wanted_boot = models.CharField(max_length=36, blank=True, editable=False)
    wanted_boot_seconds = models.FloatField(null=True, editable=False)

    status = models.CharField(
        max_length=10,
        choices=StatusChoice,
        default=StatusChoice.STOPPED,
        editable=False,
    )
    status_since = models.DateTimeField(default=timezone.now, editable=False)
    status_reason = models.TextField(default="never started", editable=False)
    status_source = models.CharField(max_length=40, default="set-up", editable=False)
    conditions = models.JSONField(default=list, editable=False)
    observed_generation = models.PositiveBigIntegerField(default=0, editable=False)
    run = models.ForeignKey(
        "agents.Run",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The live run, else the latest one.",
    )
    pid = models.PositiveIntegerField(null=True, editable=False)
    run_revision = models.PositiveIntegerField(null=True, editable=False)
    restart_count = models.PositiveIntegerField(default=0, editable=False)
    restarts_total = models.PositiveIntegerField(default=0, editable=False)
    recent_exits = models.JSONField(default=list, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    stopped_at = models.DateTimeField(null=True, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False)
    retry_boot = models.CharField(max_length=36, blank=True, editable=False)
    retry_boot_seconds = models.FloatField(null=True, editable=False)

    cpu_percent = models.FloatField(null=True, editable=False)
    rss_bytes = models.PositiveBigIntegerField(null=True, editable=False)
    processes = models.PositiveIntegerField(null=True, editable=False)
    open_files = models.PositiveIntegerField(null=True, editable=False)
    last_output_at = models.DateTimeField(null=True, editable=False)
    last_progress_at = models.DateTimeField(null=True, editable=False)
    last_heartbeat_at = models.DateTimeField(null=True, editable=False)
    # Whose word these are, if somebody brought the heartbeat to a door of the hub.
    heartbeat_run = models.UUIDField(null=True, editable=False)
    activity = models.CharField(
        max_length=8, choices=ActivityChoice, blank=True, editable=False
    )
    activity_note = models.CharField(max_length=200, blank=True, editable=False)
    probe_states = models.JSONField(
        default=list, editable=False, help_text="The latest result of each probe."
    )
    samples = models.JSONField(
        default=list, editable=False, help_text="The latest [CPU %, RSS bytes] pairs."
    )

    objects = PeoplesAgents()
    # With the hub's own.
    every: ClassVar[models.Manager[Agent]] = models.Manager()

    class Meta:
        default_permissions = ("view",)
        permissions = (
            ("operate_agent", "Can start, stop, restart and kill agents"),
            ("configure_agent", "Can add, change and delete agents"),
            ("define_commands", "Can set commands, environments and directories"),
        )
        ordering: ClassVar = ["name"]
        indexes: ClassVar = [
            models.Index(fields=["node", "status"], name="agent_node_status"),
            models.Index(fields=["status", "name"], name="agent_status_name"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("name"),
                name="agent_name_unique_in_any_case",
                violation_error_message="An agent of this name exists already.",
            ),
            models.CheckConstraint(
                name="agent_status_known", condition=Q(status__in=StatusChoice.values)
            ),
            models.CheckConstraint(
                name="agent_desired_state_known",
                condition=Q(desired_state__in=DesiredChoice.values),
            ),
            models.CheckConstraint(
                name="agent_settles_only_what_was_asked",
                condition=Q(observed_generation__lte=F("generation")),
            ),
            models.CheckConstraint(
                name="agent_external_is_on_no_node",
                condition=Q(kind=Kind.EXTERNAL, node="external")
                | (~Q(kind=Kind.EXTERNAL) & ~Q(node="external")),
            ),
            models.CheckConstraint(
                name="agent_backoff_grows",
                condition=Q(backoff_initial__lte=F("backoff_max")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the set-up only: other columns have other writers."""
        update_fields: Iterable[str] | None = kwargs.get("update_fields")
        if self.pk and update_fields is None and not kwargs.get("force_insert"):
            kwargs["update_fields"] = [*SETUP_FIELDS, "revision", "launch_revision"]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """The agent's live page."""
        return reverse("agent", args=[self.name])

    @property
    def external(self) -> bool:
        """Whether it was started elsewhere: the hub neither starts nor stops it."""
        return self.kind == Kind.EXTERNAL

    @property
    def runs_older_setup(self) -> bool:
        """Whether a restart would change what runs."""
        ran = self.run_revision
        return self.status in ALIVE and ran is not None and ran < self.launch_revision

    def clean(self) -> None:
        """Refuse a set-up that cannot work; each message says what to change.

        Runs after fields have been refused too: any value may stand in any field.
        """
        # Django lets nothing at all pass as empty, which the columns do not take.
        for name in ("role", "cwd", "provider", "model", "system_prompt", "workspace"):
            setattr(self, name, _text(getattr(self, name)))
        problems = {
            "name": setup.name_problem(_text(self.name)) or self._name_taken(),
            "kind": self._kind_changed(),
            "role": setup.role_problem(self.role),
            "command": setup.command_problem(self.command),
            "env": setup.env_problem(self.env),
            "labels": setup.labels_problem(self.labels),
            "capabilities": setup.capabilities_problem(self.capabilities),
            "cwd": setup.cwd_problem(self.cwd),
            "stop_signal": setup.signal_problem(_text(self.stop_signal)),
            "memory_limit": setup.memory_problem(self.memory_limit),
            "budget": budgets.agent_problem(self.budget),
            # Whether there are such agents is for `services.dependencies` to say.
            "depends_on": dependencies.problem(self.depends_on, _text(self.name)),
        }
        native = self.kind == Kind.NATIVE_LLM
        # Django leaves the choices of fields that no form shows unjudged.
        if self.kind == Kind.EXTERNAL:
            problems["kind"] = _REGISTERS
        elif self.kind not in SET_UP_KINDS:
            problems["kind"] = (
                f"There is no kind {self.kind!r}. Use {' or '.join(SET_UP_KINDS)}."
            )
        elif self.adapter not in Adapter.values:
            problems["adapter"] = (
                f"There is no adapter {self.adapter!r}. Use command or native."
            )
        elif native:
            self.adapter, problems["command"] = Adapter.NATIVE, None
        elif self.adapter == Adapter.NATIVE:
            problems["adapter"] = "native is for agents of the kind native_llm."
        fields = ("command", *NATIVE_FIELDS)
        own = {name: getattr(self, name) for name in fields}
        problems |= native_rules.problems(own, native=native)
        if self.node != "local":
            problems["node"] = (
                f"There is no node {self.node!r}. Use 'local', the hub's own machine."
            )
        numbers = {name: getattr(self, name) for name in NUMBER_FIELDS}
        # What is no number has its own message from the field.
        problems |= setup.timing_problems(
            {name: n for name, n in numbers.items() if isinstance(n, int | float)}
            | {"max_restarts": self.max_restarts}
        )
        if not problems.get("heartbeat_interval"):
            interval = _number(self.heartbeat_interval)
            problems["probes"] = probes.problem(self.probes, interval)
        if found := {key: text for key, text in problems.items() if text}:
            raise ValidationError(found)
        self.stop_signal = parse_signal(self.stop_signal).name.removeprefix("SIG")
        self.depends_on = dependencies.as_data(dependencies.read(self.depends_on))

    def _name_taken(self) -> str | None:
        """Why it cannot have this name, good as it is."""
        agents = type(self).objects
        if not self.pk:
            taken = agents.filter(name__iexact=self.name).exists()
            return "An agent of this name exists already." if taken else None
        stored = agents.filter(pk=self.pk).values_list("name", flat=True).first()
        if stored in (None, self.name):
            return None
        return "A name never changes. Make a new agent instead."

    def _kind_changed(self) -> str | None:
        """Why it cannot be of this kind, if it has been of another."""
        stored = type(self).every.filter(pk=self.pk).values_list("kind", flat=True)
        if not self.pk or stored.first() in (None, self.kind):
            return None
        return "A kind never changes. Make a new agent instead."

    def as_setup(self) -> setup.AgentSetup:
        """The set-up as the engine takes it."""
        return engine_setup.of(self)


_REGISTERS: Final = (
    "An agent that was started elsewhere registers itself (POST agents/register), and "
    "says itself what it is."
)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0


def _text(value: object) -> str:
    return "" if value is None else str(value)

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

PROVIDERS = ("anthropic", "openai", "deepseek", "ollama", "demo")


def add_providers(apps, schema_editor):
    """One of each kind, so that a key in the environment is all that is needed."""
    provider = apps.get_model("agents", "Provider")
    for name in PROVIDERS:
        provider.objects.using(schema_editor.connection.alias).create(
            name=name, kind=name
        )


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0004_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="activity",
            field=models.CharField(
                blank=True,
                choices=[
                    ("idle", "Idle"),
                    ("working", "Working"),
                    ("waiting", "Waiting"),
                ],
                editable=False,
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="activity_note",
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name="agent",
            name="allow_commands",
            field=models.BooleanField(
                default=False, help_text="Whether it may run programs in its workspace."
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="max_concurrent_tasks",
            field=models.PositiveIntegerField(default=1, verbose_name="tasks at once"),
        ),
        migrations.AddField(
            model_name="agent",
            name="model",
            field=models.CharField(
                blank=True,
                help_text="Empty: the provider's default model.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="provider",
            field=models.CharField(
                blank=True,
                help_text="Who is asked, by a provider's name.",
                max_length=63,
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="system_prompt",
            field=models.TextField(
                blank=True,
                help_text="Empty: that of the role, if the role is a preset.",
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="workspace",
            field=models.CharField(
                blank=True,
                help_text="The directory its tools work in. Empty: one of its own.",
                max_length=4096,
            ),
        ),
        migrations.AddField(
            model_name="change",
            name="task_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="agent",
            name="adapter",
            field=models.CharField(
                choices=[("command", "Command"), ("native", "Native")],
                default="command",
                editable=False,
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="agent",
            name="command",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "provider",
                    models.CharField(
                        blank=True,
                        help_text="A provider's name; empty: any.",
                        max_length=63,
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                ("input", models.DecimalField(decimal_places=6, max_digits=12)),
                (
                    "cache_read",
                    models.DecimalField(
                        blank=True, decimal_places=6, max_digits=12, null=True
                    ),
                ),
                (
                    "cache_write",
                    models.DecimalField(
                        blank=True, decimal_places=6, max_digits=12, null=True
                    ),
                ),
                ("output", models.DecimalField(decimal_places=6, max_digits=12)),
            ],
            options={
                "ordering": ["provider", "model"],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "model"), name="price_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Provider",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=63, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("anthropic", "Anthropic"),
                            ("openai", "OpenAI"),
                            ("deepseek", "DeepSeek"),
                            ("compatible", "OpenAI-compatible server"),
                            ("ollama", "Ollama"),
                            ("demo", "Demo (no model)"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "base_url",
                    models.CharField(
                        blank=True,
                        help_text="Empty: the vendor's own, or the one in the hub's environment.",
                        max_length=500,
                        verbose_name="base URL",
                    ),
                ),
                ("sealed_key", models.TextField(blank=True, editable=False)),
                (
                    "default_model",
                    models.CharField(
                        blank=True,
                        help_text="For agents whose set-up names no model.",
                        max_length=200,
                    ),
                ),
                (
                    "max_concurrent",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Of all agents together; empty: no limit.",
                        null=True,
                        verbose_name="requests at once",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("check_asked_at", models.DateTimeField(editable=False, null=True)),
                ("checked_at", models.DateTimeField(editable=False, null=True)),
                ("check_ok", models.BooleanField(editable=False, null=True)),
                ("check_detail", models.TextField(blank=True, editable=False)),
                (
                    "known_models",
                    models.JSONField(
                        default=list,
                        editable=False,
                        help_text="The models it has named.",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "anthropic",
                                    "openai",
                                    "deepseek",
                                    "compatible",
                                    "ollama",
                                    "demo",
                                ],
                            )
                        ),
                        name="provider_kind_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("agent_name", models.CharField(max_length=63)),
                ("conversation", models.UUIDField(default=uuid.uuid4)),
                ("prompt", models.TextField()),
                ("paths", models.JSONField(default=list)),
                ("priority", models.IntegerField(default=0)),
                ("timeout", models.FloatField(null=True)),
                ("max_attempts", models.PositiveSmallIntegerField(default=3)),
                ("budget", models.JSONField(default=dict)),
                ("idempotency_key", models.CharField(blank=True, max_length=100)),
                ("created_by", models.CharField(max_length=150)),
                ("via", models.CharField(max_length=20)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("waiting_for_lock", "Waiting for a lock"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("timed_out", "Timed out"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("not_before", models.DateTimeField(null=True)),
                ("not_before_boot", models.CharField(blank=True, max_length=36)),
                ("not_before_boot_seconds", models.FloatField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("cancel_asked_at", models.DateTimeField(null=True)),
                ("cancel_asked_by", models.CharField(blank=True, max_length=150)),
                ("question", models.TextField(blank=True)),
                ("answer", models.TextField(null=True)),
                ("answered_by", models.CharField(blank=True, max_length=150)),
                ("result", models.TextField(blank=True)),
                ("error", models.TextField(blank=True)),
                ("input", models.PositiveBigIntegerField(default=0)),
                ("cache_read", models.PositiveBigIntegerField(default=0)),
                ("cache_write", models.PositiveBigIntegerField(default=0)),
                ("output", models.PositiveBigIntegerField(default=0)),
                ("reasoning", models.PositiveBigIntegerField(default=0)),
                (
                    "cost",
                    models.DecimalField(decimal_places=9, default=0, max_digits=18),
                ),
                ("unpriced", models.PositiveIntegerField(default=0)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tasks",
                        to="agents.agent",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="tasks",
                        to="agents.run",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("user", "Asked"),
                            ("answer", "Answer"),
                            ("call", "Tool call"),
                            ("result", "Tool result"),
                            ("note", "Note"),
                        ],
                        max_length=8,
                    ),
                ),
                ("attempt", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("data", models.JSONField(default=dict)),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="agents.task",
                    ),
                ),
            ],
            options={
                "ordering": ["task", "number"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("agent_name", models.CharField(max_length=63)),
                ("step", models.PositiveIntegerField(null=True)),
                ("attempt", models.PositiveIntegerField(default=1)),
                ("provider", models.CharField(max_length=63)),
                ("kind", models.CharField(max_length=12)),
                ("model", models.CharField(max_length=200)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("input", models.PositiveBigIntegerField(default=0)),
                ("cache_read", models.PositiveBigIntegerField(default=0)),
                ("cache_write", models.PositiveBigIntegerField(default=0)),
                ("output", models.PositiveBigIntegerField(default=0)),
                ("reasoning", models.PositiveBigIntegerField(default=0)),
                (
                    "cost",
                    models.DecimalField(decimal_places=9, max_digits=18, null=True),
                ),
                ("priced_by", models.CharField(blank=True, max_length=60)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="usage",
                        to="agents.agent",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="usage",
                        to="agents.task",
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("all", "All agents"),
                            ("agent", "One agent"),
                            ("provider", "One provider"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "Day"), ("month", "Month")], max_length=5
                    ),
                ),
                (
                    "limit",
                    models.DecimalField(
                        decimal_places=2, max_digits=12, verbose_name="limit in USD"
                    ),
                ),
                (
                    "agent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="agents.agent",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="agents.provider",
                    ),
                ),
            ],
            options={
                "ordering": ["scope", "id"],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("agent", None), ("provider", None), ("scope", "all")
                            ),
                            models.Q(
                                ("agent__isnull", False),
                                ("provider", None),
                                ("scope", "agent"),
                            ),
                            models.Q(
                                ("agent", None),
                                ("provider__isnull", False),
                                ("scope", "provider"),
                            ),
                            _connector="OR",
                        ),
                        name="budget_is_about_its_scope",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("scope", "agent")),
                        fields=("agent", "period"),
                        name="budget_once_for_agent",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("scope", "provider")),
                        fields=("provider", "period"),
                        name="budget_once_for_provider",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("scope", "all")),
                        fields=("period",),
                        name="budget_once_for_all",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("state", "queued")),
                fields=["agent", "-priority", "id"],
                name="task_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["state", "-id"], name="task_state_newest"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["conversation", "id"], name="task_conversation"),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key", ""), _negated=True),
                fields=("agent", "idempotency_key"),
                name="task_idempotency_key_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")),
                fields=("conversation",),
                name="task_one_runs_per_conversation",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "queued",
                            "waiting_for_lock",
                            "running",
                            "succeeded",
                            "failed",
                            "cancelled",
                            "timed_out",
                            "interrupted",
                        ],
                    )
                ),
                name="task_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "running"), _negated=True),
                    ("started_at__isnull", False),
                    _connector="OR",
                ),
                name="task_running_has_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(
                fields=("task", "number"), name="step_number_once"
            ),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["at"], name="usage_at"),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["agent", "at"], name="usage_agent_at"),
        ),
        migrations.AddIndex(
            model_name="usage",
            index=models.Index(fields=["provider", "at"], name="usage_provider_at"),
        ),
        migrations.AddConstraint(
            model_name="usage",
            constraint=models.UniqueConstraint(
                fields=("task", "step", "attempt"), name="usage_booked_once"
            ),
        ),
        migrations.RunPython(add_providers, migrations.RunPython.noop),
    ]

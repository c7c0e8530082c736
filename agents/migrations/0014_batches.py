import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0013_agents_from_outside"),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
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
                    "action",
                    models.CharField(
                        choices=[
                            ("start", "Start"),
                            ("stop", "Stop"),
                            ("restart", "Restart"),
                            ("kill", "Kill"),
                            ("ask", "Ask"),
                        ],
                        max_length=8,
                    ),
                ),
                ("ask", models.JSONField(default=dict)),
                ("whom", models.TextField(blank=True)),
                ("at_once", models.PositiveIntegerField()),
                ("patience", models.FloatField()),
                ("reason", models.TextField(blank=True)),
                ("created_by", models.CharField(max_length=150)),
                ("via", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("idempotency_key", models.CharField(blank=True, max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Under way"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=9,
                    ),
                ),
                ("cancel_asked_at", models.DateTimeField(null=True)),
                ("cancel_asked_by", models.CharField(blank=True, max_length=150)),
                ("cancel_reason", models.TextField(blank=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "batches",
                "ordering": ["-id"],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "running")),
                        fields=["id"],
                        name="batch_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", ""), _negated=True),
                        fields=("created_by", "idempotency_key"),
                        name="batch_idempotency_key_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "running")),
                            models.Q(
                                models.Q(("state", "running"), _negated=True),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="batch_ended_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at_once__gte", 1)), name="batch_goes_on"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BatchItem",
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
                ("position", models.PositiveIntegerField()),
                ("agent_name", models.CharField(max_length=63)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("begun", "Under way"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Not begun"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("stopped", "Stopped"),
                            ("starting", "Starting"),
                            ("running", "Running"),
                            ("stopping", "Stopping"),
                            ("backoff", "Back-off"),
                            ("crashed", "Crashed"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=10,
                    ),
                ),
                ("detail", models.TextField(blank=True)),
                ("begun_at", models.DateTimeField(null=True)),
                ("begun_boot", models.CharField(blank=True, max_length=36)),
                ("begun_boot_seconds", models.FloatField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="agents.agent",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="agents.batch",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="agents.request",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="agents.task",
                    ),
                ),
            ],
            options={
                "ordering": ["batch", "position"],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("batch", "position"), name="batch_item_place_once"
                    ),
                    models.UniqueConstraint(
                        fields=("batch", "agent_name"), name="batch_item_agent_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("state__in", ("waiting", "begun")),
                            ),
                            models.Q(
                                models.Q(
                                    ("state__in", ("waiting", "begun")), _negated=True
                                ),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="batch_item_ended_has_time",
                    ),
                ],
            },
        ),
    ]

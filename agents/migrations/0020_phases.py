import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0019_group_grants"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExpectedArrival",
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
                ("generation", models.PositiveBigIntegerField()),
                ("agent_name", models.CharField(max_length=63)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("awaited", "Awaited"),
                            ("arrived", "Arrived"),
                            ("lost", "Lost: it did not succeed"),
                            ("late", "Late: the round was over before"),
                        ],
                        default="awaited",
                        max_length=7,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "barrier",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="expected",
                        to="agents.barrier",
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="arrival",
                        to="agents.batchitem",
                    ),
                ),
                (
                    "task",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arrival",
                        to="agents.task",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "awaited")),
                        fields=["barrier", "generation"],
                        name="arrival_awaited",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="batch",
            name="arrives_at",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="agents.barrier",
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="arrives_generation",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="batch",
            name="waits_for",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.barrier",
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="waits_generation",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="task",
            name="waits_for",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.barrier",
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="waits_generation",
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("waits_for__isnull", False)),
                fields=["waits_for"],
                name="batch_waits",
            ),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("waits_for__isnull", False)),
                fields=["waits_for"],
                name="task_waits",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("waits_for__isnull", True), ("waits_generation__isnull", True)
                    ),
                    models.Q(
                        ("state", "running"),
                        ("waits_for__isnull", False),
                        ("waits_generation__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="batch_waits_while_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("waits_for__isnull", True), ("waits_generation__isnull", True)
                    ),
                    models.Q(
                        ("state", "queued"),
                        ("waits_for__isnull", False),
                        ("waits_generation__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="task_waits_while_queued",
            ),
        ),
    ]

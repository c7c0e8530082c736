import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0011_heartbeats"),
    ]

    operations = [
        migrations.CreateModel(
            name="Brake",
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
                ("pulled", models.BooleanField(default=True)),
                ("pulled_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("pulled_by", models.CharField(max_length=150)),
                ("via", models.CharField(max_length=80)),
                ("reason", models.TextField()),
                ("made_boot", models.CharField(max_length=36)),
                ("made_boot_seconds", models.FloatField()),
                ("stops", models.BooleanField(verbose_name="agents were stopped")),
                (
                    "interrupts",
                    models.BooleanField(verbose_name="work was interrupted"),
                ),
                ("stopped", models.JSONField(default=list)),
                ("interrupted", models.JSONField(default=list)),
                ("released_at", models.DateTimeField(null=True)),
                ("released_by", models.CharField(blank=True, max_length=150)),
                ("release_reason", models.TextField(blank=True)),
                (
                    "went_on",
                    models.BooleanField(
                        default=False, verbose_name="what it ended goes on again"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("pulled", True)),
                        fields=("pulled",),
                        name="brake_pulled_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pulled", True), ("released_at__isnull", True)),
                            models.Q(("pulled", False), ("released_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="brake_released_has_time",
                    ),
                ],
            },
        ),
    ]

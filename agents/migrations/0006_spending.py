from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_native"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="usage",
            options={
                "default_permissions": ("view",),
                "ordering": ["-at"],
                "verbose_name_plural": "usage",
            },
        ),
        migrations.CreateModel(
            name="UsageDay",
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
                ("day", models.DateField()),
                ("agent_name", models.CharField(max_length=63)),
                ("provider", models.CharField(max_length=63)),
                ("model", models.CharField(max_length=200)),
                ("requests", models.PositiveBigIntegerField(default=0)),
                ("unpriced", models.PositiveBigIntegerField(default=0)),
                ("input", models.PositiveBigIntegerField(default=0)),
                ("cache_read", models.PositiveBigIntegerField(default=0)),
                ("cache_write", models.PositiveBigIntegerField(default=0)),
                ("output", models.PositiveBigIntegerField(default=0)),
                ("reasoning", models.PositiveBigIntegerField(default=0)),
                (
                    "cost",
                    models.DecimalField(decimal_places=9, default=0, max_digits=18),
                ),
            ],
            options={
                "ordering": ["-day"],
                "default_permissions": ("view",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="budget",
            name="budget_is_about_its_scope",
        ),
        migrations.RemoveConstraint(
            model_name="budget",
            name="budget_once_for_agent",
        ),
        migrations.RemoveField(
            model_name="budget",
            name="agent",
        ),
        migrations.AddField(
            model_name="agent",
            name="budget",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='USD it may spend, such as {"day": 5, "month": 80}.',
            ),
        ),
        migrations.AlterField(
            model_name="budget",
            name="limit",
            field=models.DecimalField(
                decimal_places=2,
                max_digits=12,
                validators=[django.core.validators.MinValueValidator(Decimal("0.01"))],
                verbose_name="limit in USD",
            ),
        ),
        migrations.AlterField(
            model_name="budget",
            name="period",
            field=models.CharField(
                choices=[("day", "Day"), ("month", "Month")],
                help_text="It begins at midnight UTC.",
                max_length=5,
            ),
        ),
        migrations.AlterField(
            model_name="budget",
            name="provider",
            field=models.ForeignKey(
                blank=True,
                help_text="For a budget of one provider.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="agents.provider",
            ),
        ),
        migrations.AlterField(
            model_name="budget",
            name="scope",
            field=models.CharField(
                choices=[("all", "All agents"), ("provider", "One provider")],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="cache_read",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                help_text="Empty: as input.",
                max_digits=12,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="cache read",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="cache_write",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                help_text="Empty: as input.",
                max_digits=12,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="cache write",
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="input",
            field=models.DecimalField(
                decimal_places=6,
                max_digits=12,
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="model",
            field=models.CharField(
                help_text="A model, or how its name begins: <code>gpt-5*</code>",
                max_length=200,
            ),
        ),
        migrations.AlterField(
            model_name="price",
            name="output",
            field=models.DecimalField(
                decimal_places=6,
                max_digits=12,
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("provider", None), ("scope", "all")),
                    models.Q(("provider__isnull", False), ("scope", "provider")),
                    _connector="OR",
                ),
                name="budget_is_about_its_scope",
                violation_error_message="Name the provider for a budget of one provider, and none for one of all agents.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="budget",
            name="budget_once_for_provider",
            constraint=models.UniqueConstraint(
                condition=models.Q(("scope", "provider")),
                fields=("provider", "period"),
                name="budget_once_for_provider",
                violation_error_message="This provider has a budget for this period already.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="budget",
            name="budget_once_for_all",
            constraint=models.UniqueConstraint(
                condition=models.Q(("scope", "all")),
                fields=("period",),
                name="budget_once_for_all",
                violation_error_message="There is a budget of all agents for this period already.",
            ),
        ),
        migrations.AlterConstraint(
            model_name="price",
            name="price_once",
            constraint=models.UniqueConstraint(
                fields=("provider", "model"),
                name="price_once",
                violation_error_message="This model has a price here already.",
            ),
        ),
        migrations.AddField(
            model_name="usageday",
            name="agent",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="usage_days",
                to="agents.agent",
            ),
        ),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(fields=["agent", "day"], name="usage_day_agent"),
        ),
        migrations.AddIndex(
            model_name="usageday",
            index=models.Index(
                fields=["day", "provider", "cost", "unpriced"], name="usage_day_money"
            ),
        ),
        migrations.AddConstraint(
            model_name="usageday",
            constraint=models.UniqueConstraint(
                fields=("day", "agent", "provider", "model"), name="usage_day_once"
            ),
        ),
    ]

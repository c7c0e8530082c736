from django.db import migrations, models

# What the groups had from the start; what came later is still to be given.
VIEW = (
    "agents.view_agent",
    "agents.view_request",
    "agents.view_run",
    "agents.view_statuschange",
    "agents.view_node",
)
OPERATE = (*VIEW, "agents.operate_agent")
CONFIGURE = (*OPERATE, "agents.configure_agent")
GIVEN = {
    "Viewers": VIEW,
    "Operators": OPERATE,
    "Configurators": CONFIGURE,
    "Command authors": (*CONFIGURE, "agents.define_commands"),
    "Auditors": (*VIEW, "admin.view_logentry"),
}


def remember(apps, schema_editor):
    groups = apps.get_model("auth", "Group")
    grants = apps.get_model("agents", "GroupGrant")
    there = groups.objects.filter(name__in=GIVEN).values_list("name", flat=True)
    grants.objects.bulk_create(
        grants(group=name, permission=one) for name in there for one in GIVEN[name]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0018_brake_awaits"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="GroupGrant",
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
                ("group", models.CharField(max_length=150)),
                ("permission", models.CharField(max_length=150)),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "permission"), name="group_grant_once"
                    )
                ],
            },
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0017_touched_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="brake",
            name="awaited",
            field=models.JSONField(default=list),
        ),
    ]

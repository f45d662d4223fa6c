import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_device_quota"),
        
        ("runs", "0006_one_index_less"),
    ]

    operations = [
        migrations.CreateModel(
            name="ValueName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="LastValue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id", "name_id", blank=True, editable=False, primary_key=True,
                        serialize=False,
                    ),
                ),
                ("value", models.FloatField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="last_values",
                        to="runs.run",
                    ),
                ),
                (
                    "name",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="runs.valuename",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="runs.run",
                    ),
                ),
                (
                    "text",
                    models.TextField(
                        help_text="Case folded, a line each; those of tags begin with a tab."
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="lastvalue",
            index=models.Index(fields=["name", "value", "run"], name="runs_by_value"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["-created_at", "-id"], name="newest_runs"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=[
                    "project", "deleted_at", "state", "created_at", "owner", "preset", "name",
                    "id",
                ],
                name="run_filters",
            ),
        ),
    ]

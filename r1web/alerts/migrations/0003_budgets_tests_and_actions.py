import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_device_quota"),
        ("alerts", "0002_default_rules"),
        ("runs", "0004_pause_and_undo"),
    ]

    operations = [
        migrations.AlterField(
            model_name="rule",
            name="kind",
            field=models.CharField(
                choices=[
                    ("threshold", "Threshold"),
                    ("slope", "Slope"),
                    ("nonfinite", "Nonfinite"),
                    ("absence", "Absence"),
                    ("state", "State"),
                    ("budget", "Budget"),
                    ("project_budget", "Project Budget"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="unit",
            field=models.CharField(
                blank=True,
                choices=[("device_hours", "device-hours"), ("usd", "US dollars")],
                max_length=12,
                default="",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="rule",
            name="days",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="A project's budget counts what the last days have cost.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="action",
            field=models.CharField(
                choices=[("tell", "Tell"), ("pause", "Pause"), ("stop", "Stop")],
                default="tell",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="project",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to="accounts.project",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="run",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to="runs.run",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="project",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alert_deliveries",
                to="accounts.project",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="alert",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="alerts.alert",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="created_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
    ]

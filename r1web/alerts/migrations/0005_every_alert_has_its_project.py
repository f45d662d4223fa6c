import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_device_quota"),
        ("alerts", "0004_whose_alerts_they_are"),
    ]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to="accounts.project",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alert_deliveries",
                to="accounts.project",
            ),
        ),
        migrations.RemoveConstraint(model_name="alert", name="one_alert_a_cause"),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                fields=("project", "key"), name="one_alert_a_cause"
            ),
        ),
        migrations.RemoveField(model_name="rule", name="stop_run"),
    ]

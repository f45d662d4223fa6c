"""A run that is first in line may have several nodes kept for it."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def carry_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for run in apps.get_model("runs", "Run").objects.exclude(reserved_node=None):
        run.reserved_nodes = [run.reserved_node_id]
        run.save(update_fields=["reserved_nodes"])


def carry_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for run in apps.get_model("runs", "Run").objects.exclude(reserved_nodes=[]):
        run.reserved_node_id = run.reserved_nodes[0]
        run.save(update_fields=["reserved_node"])


class Migration(migrations.Migration):
    dependencies = [("runs", "0004_pause_and_undo")]

    operations = [
        migrations.AddField(
            "run",
            "reserved_nodes",
            models.JSONField(
                blank=True,
                default=list,
                help_text="While it is first in line: ids of the nodes that are kept for it.",
            ),
        ),
        migrations.RunPython(carry_over, carry_back),
        migrations.RemoveField("run", "reserved_node"),
    ]

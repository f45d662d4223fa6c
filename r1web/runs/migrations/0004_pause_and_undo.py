from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def note_what_has_gone(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    """A deleted run without a single event is one whose data was removed."""
    gone = apps.get_model("runs", "Run").objects.filter(deleted_at__isnull=False, events=None)
    gone.update(purged_at=models.F("deleted_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0003_queueing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="deleted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="paused",
            field=models.TextField(
                blank=True,
                help_text="Why it waits until a person lets it go on; empty: it does not.",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="purged_at",
            field=models.DateTimeField(
                blank=True,
                help_text="From then on its data is removed, and it cannot come back.",
                null=True,
            ),
        ),
        migrations.RunPython(note_what_has_gone, migrations.RunPython.noop),
    ]

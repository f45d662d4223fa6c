import math
from decimal import Decimal
from itertools import islice

from django.db import migrations
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

ACTIVE = ["starting", "running", "stopping", "lost"]
BATCH = 500


def keep_values(apps, schema_editor):
    """Of the runs that there are: what the service writes from now on, whenever one ends."""
    run_model, attempt_model = apps.get_model("runs", "Run"), apps.get_model("runs", "Attempt")
    kept_model = apps.get_model("runs", "LastValue")
    keys = {}
    runs = run_model.objects.exclude(state__in=ACTIVE).only("summary", "last_step")
    price = Coalesce(
        "leases__device__node__price_per_device_hour", "node__price_per_device_hour", Decimal(0)
    )
    attempts = attempt_model.objects.exclude(claimed_at=None).exclude(ended_at=None)
    annotated = attempts.annotate(
        devices=Count("leases"), usd_per_hour=Sum(price, filter=Q(leases__isnull=False))
    )
    rows = []
    for run in runs.iterator(BATCH):
        for name, value in _values(run, annotated.filter(run=run)).items():
            if name not in keys:
                keys[name] = apps.get_model("runs", "ValueName").objects.create(name=name).pk
            rows.append(kept_model(run_id=run.pk, name_id=keys[name], value=value))
        if len(rows) > 50 * BATCH:
            kept_model.objects.bulk_create(rows, BATCH)
            rows = []
    kept_model.objects.bulk_create(rows, BATCH)


def _values(run, attempts):
    seconds = hours = usd = 0.0
    for attempt in attempts:
        lasted = max(0.0, (attempt.ended_at - attempt.claimed_at).total_seconds())
        seconds += lasted
        hours += attempt.devices * lasted / 3600
        usd += float(attempt.usd_per_hour or 0) * lasted / 3600
    told = {name: value for name, value in run.summary.items() if isinstance(value, int | float)}
    values = told | {
        "last_step": float(run.last_step),
        "duration_s": seconds,
        "device_hours": hours,
        "cost_usd": usd,
    }
    return {name: value for name, value in values.items() if math.isfinite(value)}


def keep_texts(apps, schema_editor):
    """Of all runs."""
    text_model = apps.get_model("runs", "SearchText")
    runs = apps.get_model("runs", "Run").objects.only("name", "preset", "tags").iterator(BATCH)
    while some := list(islice(runs, BATCH)):
        text_model.objects.bulk_create(text_model(run_id=run.pk, text=_text(run)) for run in some)


def _text(run):
    tags = ("\t" + tag for tag in run.tags)
    return "\n".join(["", run.name, run.preset, *tags, ""]).casefold()


class Migration(migrations.Migration):
    dependencies = [
        ("cluster", "0006_jobs_of_sites"),
        ("runs", "0007_listing"),
    ]

    operations = [
        migrations.RunPython(keep_values, migrations.RunPython.noop),
        migrations.RunPython(keep_texts, migrations.RunPython.noop),
    ]

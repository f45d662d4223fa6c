"""Alerts and deliveries get their run's project, and rules what they did by another name."""

from typing import Any

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    run, rule, alert, delivery = (
        apps.get_model(*name)
        for name in (("runs", "Run"), ("alerts", "Rule"), ("alerts", "Alert"), ("alerts", "Delivery"))
    )
    project_of_run = run.objects.filter(pk=OuterRef("run_id")).values("project_id")[:1]
    alert.objects.update(project_id=Subquery(project_of_run))
    of_alert = alert.objects.filter(pk=OuterRef("alert_id"))
    delivery.objects.update(
        project_id=Subquery(of_alert.values("project_id")[:1]),
        created_at=Subquery(of_alert.values("at")[:1]),
    )
    rule.objects.filter(stop_run=True).update(action="stop")


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_budgets_tests_and_actions")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]

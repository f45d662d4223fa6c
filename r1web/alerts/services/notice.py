"""What a target is told, whatever its kind."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from r1web.alerts.models import Alert, Delivery
from r1web.metrics.wire import wire_value


@dataclass(frozen=True)
class Notice:
    project: str
    rule: str
    message: str
    at: datetime
    url: str
    alert: int | None = None
    """None in a test."""
    run: dict[str, Any] | None = None
    """id and name; None when it is about the project."""
    metric: str = ""
    value: float | str | None = None
    step: int = 0
    about: str = ""
    """The run or project, by name."""

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self) | {"at": self.at.isoformat()}
        del fields["about"]
        return fields


def notice_of(delivery: Delivery) -> Notice:
    """Reads the delivery's project, and the run of its alert."""
    page = f"{settings.R1WEB_PUBLIC_URL}/projects/{delivery.project.slug}"
    if delivery.alert is None:
        return Notice(
            project=delivery.project.slug,
            about=str(delivery.project),
            rule="Test",
            message=f"This is a test of the target “{delivery.target_name}”: it works.",
            at=delivery.created_at,
            url=page,
        )
    return _notice_of_alert(delivery.alert, delivery.project.slug, page)


def _notice_of_alert(alert: Alert, project: str, page: str) -> Notice:
    run = alert.run
    return Notice(
        project=project,
        about=str(run or alert.project),
        rule=alert.rule_name,
        message=alert.message,
        at=alert.at,
        url=f"{settings.R1WEB_PUBLIC_URL}/runs/{run.pk}?tab=alerts" if run else page,
        alert=alert.pk,
        run={"id": run.pk, "name": run.name} if run else None,
        metric=alert.metric,
        value=wire_value(alert.value) if alert.has_value else None,
        step=alert.step,
    )

"""Alerts of a run, and of a project."""

from django.db.models import QuerySet
from ninja import Router

from r1web.accounts.selectors import visible_project
from r1web.alerts import selectors, services
from r1web.alerts.models import Alert
from r1web.alerts.schemas import AlertList, AlertOut
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.runs.selectors import visible_run

router = Router(tags=["alerts"])


@router.get(
    "/runs/{int:run_id}/alerts", response={200: AlertList, ERRORS: ProblemOut}, summary="Alerts"
)
def list_alerts(
    request: ApiRequest,
    run_id: int,
    *,
    acknowledged: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AlertList:
    """What the run's rules have raised, newest first, and how sending it went."""
    alerts = visible_run(request.user, run_id).alerts.all()
    return _page(alerts, acknowledged, cursor, limit)


@router.get(
    "/projects/{slug}/alerts",
    response={200: AlertList, ERRORS: ProblemOut},
    summary="Alerts of a project",
)
def list_project_alerts(
    request: ApiRequest,
    slug: str,
    *,
    acknowledged: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AlertList:
    """Of all its runs, and of its budgets, newest first."""
    alerts = selectors.alerts_of(visible_project(request.user, slug))
    return _page(alerts, acknowledged, cursor, limit)


@router.post(
    "/alerts/{int:alert_id}/acknowledge",
    response={200: AlertOut, ERRORS: ProblemOut},
    summary="Acknowledge an alert",
)
def acknowledge(request: ApiRequest, alert_id: int) -> AlertOut:
    """Note that you have seen it. Again changes nothing."""
    alert = selectors.changeable_alert(request.user, alert_id)
    return selectors.alert_out(services.acknowledge(alert=alert, actor=request.user))


def _page(
    alerts: QuerySet[Alert], acknowledged: bool | None, cursor: str | None, limit: int
) -> AlertList:
    alerts = selectors.with_alert_relations(alerts)
    if acknowledged is not None:
        alerts = alerts.filter(acknowledged_at__isnull=not acknowledged)
    found, next_cursor = page(alerts, order="-id", cursor=cursor, limit=limit)
    return AlertList(items=[selectors.alert_out(alert) for alert in found], next_cursor=next_cursor)

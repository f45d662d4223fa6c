"""Where a project's alerts are sent, and how that went."""

from ninja import Router, Status

from r1web.accounts.selectors import changeable_project, visible_project
from r1web.alerts import selectors, services
from r1web.alerts.models import DeliveryStatus
from r1web.alerts.schemas import (
    DeliveryList,
    DeliveryOut,
    TargetIn,
    TargetList,
    TargetOut,
    TargetPatch,
)
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page

router = Router(tags=["alerts"])


@router.get(
    "/projects/{slug}/alert-targets",
    response={200: TargetList, ERRORS: ProblemOut},
    summary="Where alerts are sent",
)
def list_targets(
    request: ApiRequest, slug: str, cursor: Cursor = None, limit: Limit = 100
) -> TargetList:
    project = visible_project(request.user, slug)
    found, next_cursor = page(project.alert_targets.all(), order="id", cursor=cursor, limit=limit)
    return TargetList(
        items=[selectors.target_out(target) for target in found], next_cursor=next_cursor
    )


@router.post(
    "/projects/{slug}/alert-targets",
    response={201: TargetOut, ERRORS: ProblemOut},
    summary="Add a target",
)
def add_target(request: ApiRequest, slug: str, body: TargetIn) -> Status[TargetOut]:
    """All alerts of the project are sent to each of its targets."""
    project = changeable_project(request.user, slug)
    target = services.create_target(project=project, fields=body.dict(exclude_none=True))
    return Status(201, selectors.target_out(target))


@router.patch(
    "/alert-targets/{int:target_id}",
    response={200: TargetOut, ERRORS: ProblemOut},
    summary="Change a target",
)
def edit_target(request: ApiRequest, target_id: int, body: TargetPatch) -> TargetOut:
    target = selectors.changeable_target(request.user, target_id)
    changes = body.dict(exclude_none=True)
    return selectors.target_out(services.edit_target(target=target, changes=changes))


@router.delete(
    "/alert-targets/{int:target_id}",
    response={204: None, ERRORS: ProblemOut},
    summary="Delete a target",
)
def delete_target(request: ApiRequest, target_id: int) -> Status[None]:
    """What was sent there stays in the log."""
    services.delete_target(target=selectors.changeable_target(request.user, target_id))
    return Status(204, None)


@router.post(
    "/alert-targets/{int:target_id}/test",
    response={201: DeliveryOut, ERRORS: ProblemOut},
    summary="Test a target",
)
def test_target(request: ApiRequest, target_id: int) -> Status[DeliveryOut]:
    """Send it something now, once; the log tells how that went."""
    target = selectors.changeable_target(request.user, target_id)
    return Status(201, selectors.delivery_out(services.send_test(target=target)))


@router.get(
    "/projects/{slug}/alert-deliveries",
    response={200: DeliveryList, ERRORS: ProblemOut},
    summary="How sending alerts went",
)
def list_deliveries(
    request: ApiRequest,
    slug: str,
    *,
    status: DeliveryStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryList:
    """Newest first."""
    project = visible_project(request.user, slug)
    found, next_cursor = page(
        selectors.deliveries_of(project, status), order="-id", cursor=cursor, limit=limit
    )
    return DeliveryList(
        items=[selectors.delivery_out(delivery) for delivery in found], next_cursor=next_cursor
    )

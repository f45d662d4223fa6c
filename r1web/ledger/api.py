"""/runs/{id}/ledger, /projects/{slug}/ledger and /ledger/…."""

from datetime import date
from typing import Annotated

from ninja import Query, Router, Status

from r1web.accounts.selectors import visible_project
from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.errors import ForbiddenError
from r1web.ledger import selectors, services
from r1web.ledger.reference import PRESS, PUBLISHED
from r1web.ledger.schemas import (
    NO_NUL,
    Axis,
    ForecastOut,
    FrontierOut,
    LedgerOut,
    PressEstimateOut,
    PriceIn,
    PriceList,
    PriceOut,
    ProjectLedgerOut,
    PublishedOut,
    ReferenceOut,
    WhatIfIn,
    WhatIfOut,
)
from r1web.runs.api.runs import RunFilters
from r1web.runs.selectors import filtered, visible_run, visible_runs

router = Router(tags=["ledger"])


@router.get(
    "/runs/{int:run_id}/ledger",
    response={200: LedgerOut, ERRORS: ProblemOut},
    summary="What a run's devices did, and what that took",
)
def run_ledger(request: ApiRequest, run_id: int) -> LedgerOut:
    """By stage, phase and device model. Every sum is exact."""
    return selectors.run_ledger(visible_run(request.user, run_id))


@router.get(
    "/projects/{slug}/ledger",
    response={200: ProjectLedgerOut, ERRORS: ProblemOut},
    summary="The same of all runs of a project",
)
def project_ledger(
    request: ApiRequest,
    slug: str,
    since: Annotated[date | None, Query(description="First UTC day.")] = None,
    until: Annotated[date | None, Query(description="Last UTC day.")] = None,
) -> ProjectLedgerOut:
    """Deleted runs belong to it, as what they took was spent."""
    return selectors.project_ledger(visible_project(request.user, slug), since, until)


@router.get(
    "/runs/{int:run_id}/forecast",
    response={200: ForecastOut, ERRORS: ProblemOut},
    summary="What a run still takes",
)
def forecast(request: ApiRequest, run_id: int) -> ForecastOut:
    """Its remaining steps, stage by stage, with an interval and what each part rests on."""
    return selectors.forecast(visible_run(request.user, run_id))


@router.post(
    "/runs/{int:run_id}/what-if",
    response={200: WhatIfOut, ERRORS: ProblemOut},
    summary="What a run would take on other devices",
)
def what_if(request: ApiRequest, run_id: int, body: WhatIfIn) -> WhatIfOut:
    """Nothing is changed. What the figures rest on is told with them."""
    return selectors.what_if(visible_run(request.user, run_id), body)


@router.get(
    "/ledger/frontier",
    response={200: FrontierOut, ERRORS: ProblemOut},
    summary="Scores of runs and stages against what they took",
)
def frontier(
    request: ApiRequest,
    filters: Query[RunFilters],
    *,
    metric: Annotated[
        str, Query(description="More is better.", max_length=120, pattern=NO_NUL)
    ] = "eval/pass_at_1",
    axis: Axis = "money",
    currency: Annotated[
        str | None,
        Query(pattern="^[A-Z]{3}$", description="Of the money; USD where anything is paid in it."),
    ] = None,
    budget: Annotated[
        float | None, Query(ge=0, description="In the axis' unit: money, hours or kWh.")
    ] = None,
) -> FrontierOut:
    """The newest 500 of your projects' runs, narrowed like their list. A stage has taken what it
    and all before it took."""
    runs = filtered(visible_runs(request.user), **filters.dict())
    return selectors.plane(runs, metric=metric, axis=axis, currency=currency, budget=budget)


@router.get(
    "/ledger/reference",
    response={200: ReferenceOut, ERRORS: ProblemOut},
    summary="What others have told of their cost",
)
def reference(request: ApiRequest) -> ReferenceOut:  # noqa: ARG001 - for all who are signed in
    return ReferenceOut(
        published=[PublishedOut.model_validate(row) for row in PUBLISHED],
        press_estimates=[PressEstimateOut.model_validate(row) for row in PRESS],
    )


@router.get(
    "/ledger/prices",
    response={200: PriceList, ERRORS: ProblemOut},
    summary="The price book, with its history",
)
def list_prices(
    request: ApiRequest,
    device_model: Annotated[
        str | None, Query(description="Only of this one.", pattern=NO_NUL)
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> PriceList:
    """The last one added first. For staff."""
    _require_staff(request)
    rows = selectors.prices(device_model)
    found, next_cursor = page(rows, order="-id", cursor=cursor, limit=limit)
    return PriceList(items=[selectors.price_out(price) for price in found], next_cursor=next_cursor)


@router.post(
    "/ledger/prices",
    response={201: PriceOut, ERRORS: ProblemOut},
    summary="Add a price",
)
def add_price(request: ApiRequest, body: PriceIn) -> Status[PriceOut]:
    """It holds from its day on until one that is valid from a later day; of two of the same day the
    later one counts. None is ever changed or removed. For staff."""
    _require_staff(request)
    price = services.add_price(actor=request.user, **body.model_dump())
    return Status(201, selectors.price_out(price))


def _require_staff(request: ApiRequest) -> None:
    if not request.user.is_staff:
        raise ForbiddenError("Only staff may see and change the price book.")

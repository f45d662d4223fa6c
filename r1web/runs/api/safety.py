"""/runs/{id}/safety: how safe the policy was, with and without risk control."""

from typing import Annotated

from ninja import Query, Router

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.runs import selectors
from r1web.runs.safety_schemas import SafetyItemList, SafetyOut

router = Router(tags=["safety"])

Step = Annotated[
    int | None, Query(ge=0, description="When it was measured; the last time when left out.")
]
Name = Annotated[str, Query(max_length=40)]


@router.get(
    "/runs/{int:run_id}/safety",
    response={200: SafetyOut, ERRORS: ProblemOut},
    summary="Safety by category",
)
def read_safety(request: ApiRequest, run_id: int, step: Step = None) -> SafetyOut:
    """Of one safety evaluation of the run; docs/safety.md says what the figures mean."""
    return selectors.safety_of(selectors.visible_run(request.user, run_id), step)


@router.get(
    "/runs/{int:run_id}/safety/items",
    response={200: SafetyItemList, ERRORS: ProblemOut},
    summary="Prompts, completions and verdicts",
)
def list_safety_items(
    request: ApiRequest,
    run_id: int,
    *,
    category: Name,
    subcategory: Name,
    step: Step = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SafetyItemList:
    """Of one sub-category. What models wrote is untrusted: show it as text."""
    run = selectors.visible_run(request.user, run_id)
    return selectors.safety_items(
        run, step, category=category, subcategory=subcategory, offset=offset, limit=limit
    )

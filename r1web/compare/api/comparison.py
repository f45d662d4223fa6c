"""Many runs side by side."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Query, Router
from pydantic_core import to_json

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.compare import selectors
from r1web.compare.numbers import run_numbers
from r1web.compare.schemas import ComparisonOut, StatisticsListOut
from r1web.errors import InvalidError
from r1web.runs.selectors import visible_runs

router = Router(tags=["comparing"])

MOST_RUNS = 3000
MOST_MEASURED = 500
MOST_NAMES = 50
Names = Annotated[str, Query(description="Names of series, with commas between them.")]


@router.get(
    "/comparison",
    response={200: ComparisonOut, ERRORS: ProblemOut},
    summary="Runs side by side",
)
def compare_runs(
    request: ApiRequest,
    runs: Annotated[str, Query(description=f"At most {MOST_RUNS:,}, as in 12,15,20-29.")],
    names: Names = "",
) -> HttpResponse:
    """What they have in common, what differs between their configs, and newest values."""
    wanted = run_numbers(runs, MOST_RUNS)
    return _answer(selectors.comparison(request.user, wanted, _listed(names)))


@router.get(
    "/comparison/statistics",
    response={200: StatisticsListOut, ERRORS: ProblemOut},
    summary="Last, best and mean of series",
)
def compare_series(
    request: ApiRequest,
    runs: Annotated[str, Query(description=f"At most {MOST_MEASURED}, as in 12,15,20-29.")],
    names: Names,
    newest: Annotated[int, Query(ge=1, le=1000, description="Points that a mean is of.")] = 10,
) -> HttpResponse:
    """Exact values of all the points that count, whatever a chart shows of them."""
    wanted = run_numbers(runs, MOST_MEASURED)
    seen = set(visible_runs(request.user).filter(pk__in=wanted).values_list("pk", flat=True))
    found = selectors.statistics([run for run in wanted if run in seen], _listed(names), newest)
    return _answer(found)


def _listed(names: str) -> list[str]:
    listed = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if len(listed) > MOST_NAMES:
        raise InvalidError(f"`names` takes at most {MOST_NAMES} series.", path="names")
    return listed


def _answer(found: dict[str, object]) -> HttpResponse:
    """Not by way of the schema: to look at each of 100,000 values again takes most of the time."""
    return HttpResponse(to_json(found), content_type="application/json; charset=utf-8")

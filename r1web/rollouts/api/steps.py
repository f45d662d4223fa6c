"""GET /runs/{id}/rollouts: the completions behind one point of the curve."""

from typing import Annotated

from ninja import Field, Query, Router
from pydantic import BaseModel

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import decode_cursor, encode_cursor
from r1web.rollouts.schemas import GroupOut, group_out
from r1web.rollouts.selectors import Position, Sort, marks_of, read_rollouts
from r1web.runs.selectors import visible_run

router = Router(tags=["rollouts"])


class StepsOut(BaseModel):
    first: int | None
    last: int | None


class RolloutsOut(BaseModel):
    step: int | None = Field(description="The step shown; null while there are no rollouts.")
    steps: StepsOut = Field(description="The first and last step with rollouts.")
    items: list[GroupOut]
    next_cursor: str | None


@router.get(
    "/runs/{int:run_id}/rollouts",
    response={200: RolloutsOut, ERRORS: ProblemOut},
    summary="Completions of a step",
)
def get_rollouts(
    request: ApiRequest,
    run_id: int,
    *,
    step: Annotated[int | None, Query(ge=0, description="The newest when left out.")] = None,
    sort: Annotated[Sort, Query(description="Order of the groups; -reward: best first.")] = "index",
    attempt: Annotated[
        int | None, Query(ge=1, description="Show this attempt's, superseded or not.")
    ] = None,
    cursor: Annotated[str | None, Query(description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> RolloutsOut:
    """The prompts of a step, each with its group of completions."""
    run = visible_run(request.user, run_id)
    after = _position(cursor)
    page = read_rollouts(
        run_id=run.pk,
        step=after.step if after else step,
        sort=sort,
        after=after,
        limit=limit,
        attempt=attempt,
    )
    rest, marks = page.next_position, marks_of(request.user, page.groups)
    return RolloutsOut(
        step=page.step,
        steps=StepsOut(first=page.first_step, last=page.last_step),
        items=[group_out(group, marks) for group in page.groups],
        next_cursor=encode_cursor([rest.step, rest.rank, rest.pk]) if rest else None,
    )


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    step, rank, pk = decode_cursor(cursor, (int, float, int))
    return Position(step, rank, pk)

"""Completions as a file."""

from typing import Annotated, Literal

from django.http import StreamingHttpResponse
from ninja import Query, Router

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.streaming import streamed
from r1web.rollouts.api.completions import AttemptNumber, Starred, Superseded, Where
from r1web.rollouts.selectors import chosen, exported_jsonl, exported_parquet, starred_in
from r1web.rollouts.where import parse_where
from r1web.runs.selectors import visible_run

router = Router(tags=["rollouts"])


@router.get(
    "/runs/{int:run_id}/completions/export",
    response={200: None, ERRORS: ProblemOut},
    summary="Completions as a file",
)
def export_completions(
    request: ApiRequest,
    run_id: int,
    *,
    format: Annotated[Literal["jsonl", "parquet"], Query()] = "jsonl",  # noqa: A002 - callers' name
    where: Where = [],  # noqa: B006 - ninja copies it
    attempt: AttemptNumber = None,
    superseded: Superseded = False,
    starred: Starred = False,
) -> StreamingHttpResponse:
    """`prompt` and `completion` as messages, ready for supervised training, and what is known of
    each: rewards, length, where it comes from."""
    run = visible_run(request.user, run_id)
    table, matches = chosen(
        run_id=run.pk,
        conditions=parse_where(where),
        attempt=attempt,
        superseded=superseded,
        only=starred_in(request.user, run.pk) if starred else None,
    )
    write = exported_jsonl if format == "jsonl" else exported_parquet
    return streamed(write(table, matches), kind=format, name=f"run-{run.pk}-completions")

"""What is solved of which difficulty by when, and when each prompt was first solved."""

from dataclasses import asdict
from typing import Annotated

from ninja import Field, Query, Router
from pydantic import BaseModel

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, decode_cursor, encode_cursor
from r1web.rollouts.api.completions import AttemptNumber, Where
from r1web.rollouts.schemas import SHOWN
from r1web.rollouts.selectors import Order, Prompt, by_difficulty, first_solved
from r1web.rollouts.where import parse_where
from r1web.runs.selectors import visible_run

router = Router(tags=["rollouts"])


class SpanOut(BaseModel):
    low: float
    high: float


class DifficultyOut(BaseModel):
    """Tables with a row for each of `difficulties`, and in it a cell for each of `steps`."""

    steps: list[SpanOut] = Field(description="Ranges, both ends included.")
    difficulties: list[SpanOut | None] = Field(
        description="Each by itself, or ranges where there are more than twelve; null, the last: "
        "not known."
    )
    completions: list[list[int]]
    solved: list[list[float | None]] = Field(
        description="Share of the completions that solve their prompt; null where there are none."
    )
    prompts: list[list[int]] = Field(description="Prompts asked, each as often as it was.")
    prompts_solved: list[list[float | None]] = Field(
        description="Share of them that at least one completion solves."
    )


class PromptOut(BaseModel):
    group_id: int = Field(description="The first group that solved it, or else that tried.")
    question: str = Field(description="Its beginning.")
    task: str
    difficulty: float | None
    asked: int = Field(description="How often.")
    first_step: int = Field(description="When it was first asked.")
    solved_step: int | None = Field(description="When it was first solved; null: never yet.")
    solved: float = Field(description="Share of all its completions that solve it.")


class PromptsOut(BaseModel):
    items: list[PromptOut]
    total: int = Field(description="Different prompts, on all pages.")
    solved: int = Field(description="Those solved at least once.")
    next_cursor: str | None


@router.get(
    "/runs/{int:run_id}/difficulty",
    response={200: DifficultyOut, ERRORS: ProblemOut},
    summary="What is solved of which difficulty by when",
)
def get_difficulty(
    request: ApiRequest,
    run_id: int,
    *,
    buckets: Annotated[int, Query(ge=1, le=500, description="Most ranges of steps.")] = 40,
    where: Where = [],  # noqa: B006 - ninja copies it
    attempt: AttemptNumber = None,
) -> DifficultyOut:
    """Solved means an accuracy, or a reward where there is none, of 1 or more."""
    run = visible_run(request.user, run_id)
    found = by_difficulty(
        run_id=run.pk, conditions=parse_where(where), buckets=buckets, attempt=attempt
    )
    return DifficultyOut(**asdict(found))


@router.get(
    "/runs/{int:run_id}/prompts",
    response={200: PromptsOut, ERRORS: ProblemOut},
    summary="When each prompt was first solved",
)
def list_prompts(
    request: ApiRequest,
    run_id: int,
    *,
    sort: Annotated[
        Order, Query(description="solved: by the step it was first solved at; “-”: largest first.")
    ] = "solved",
    where: Where = [],  # noqa: B006 - likewise
    attempt: AttemptNumber = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> PromptsOut:
    """Every prompt once, however often it was asked; what is not known comes last."""
    run = visible_run(request.user, run_id)
    start = int(decode_cursor(cursor, (int,))[0]) if cursor else 0
    found = first_solved(
        run_id=run.pk,
        conditions=parse_where(where),
        order=sort,
        start=start,
        limit=limit,
        attempt=attempt,
    )
    end = start + limit
    return PromptsOut(
        items=[_prompt_out(each) for each in found.prompts],
        total=found.total,
        solved=found.solved,
        next_cursor=encode_cursor([end]) if end < found.total else None,
    )


def _prompt_out(prompt: Prompt) -> PromptOut:
    group = prompt.group
    return PromptOut(
        group_id=group.pk,
        question=group.question[:SHOWN],
        task=group.task,
        difficulty=group.difficulty,
        asked=prompt.asked,
        first_step=prompt.first_step,
        solved_step=prompt.solved_step,
        solved=prompt.solved,
    )

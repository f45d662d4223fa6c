"""GET /runs/{id}/rollouts: the completions behind one point of the curve."""

from typing import Annotated

from ninja import Field, Query, Router
from pydantic import BaseModel

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import decode_cursor, encode_cursor
from r1web.rollouts.models import Completion, Group
from r1web.rollouts.selectors import Position, Sort, read_rollouts
from r1web.runs.selectors import visible_run

router = Router(tags=["rollouts"])


class CompletionOut(BaseModel):
    index: int
    text: str = Field(description="As the model wrote it, without the prompt.")
    reward: float | None = Field(description="The weighted sum; null when a part is missing.")
    rewards: dict[str, float | str] = Field(description="Parts before weighting, by name.")
    reward_errors: dict[str, str] = Field(
        description="Why the parts that are missing could not be computed, by name."
    )
    advantage: float
    length: int = Field(description="Tokens, the end token included.")
    finish_reason: str = Field(description="stop, or length when it was cut.")
    logprob_mean: float | None = Field(description="Mean log-probability of its tokens, nats.")


class GroupOut(BaseModel):
    """One prompt with its completions."""

    id: int
    attempt: int = Field(description="Number of the attempt.")
    step: int
    index: int = Field(description="Place of the prompt within the step, from 0.")
    trained: bool = Field(description="False for a flat group in whose place others were sampled.")
    policy_version: int = Field(description="Optimiser steps the sampling policy had seen.")
    steps_behind: int = Field(
        description="Optimiser steps that the policy it trains had seen beyond those."
    )
    fingerprint: str = Field(
        description="Of the weights that wrote it; empty where the trainer sampled from its own."
    )
    prompt: str
    question: str
    answer: str = Field(description="What the verifier expects.")
    reward_mean: float | None = Field(
        description="Over the completions with a reward; null when none has one."
    )
    completions: list[CompletionOut]


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
    rest = page.next_position
    return RolloutsOut(
        step=page.step,
        steps=StepsOut(first=page.first_step, last=page.last_step),
        items=[_group_out(group) for group in page.groups],
        next_cursor=encode_cursor([rest.step, rest.rank, rest.pk]) if rest else None,
    )


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    step, rank, pk = decode_cursor(cursor, (int, float, int))
    return Position(step, rank, pk)


def _group_out(group: Group) -> GroupOut:
    return GroupOut(
        id=group.pk,
        attempt=group.attempt.number,
        step=group.step,
        index=group.index,
        trained=group.trained,
        policy_version=group.policy_version,
        steps_behind=group.steps_behind,
        fingerprint=group.fingerprint,
        prompt=group.prompt,
        question=group.question,
        answer=group.answer,
        reward_mean=group.reward_mean,
        completions=[_completion_out(completion) for completion in group.completions],
    )


def _completion_out(completion: Completion) -> CompletionOut:
    return CompletionOut(
        index=completion.index,
        text=completion.text,
        reward=completion.reward,
        rewards=completion.rewards,
        reward_errors=completion.reward_errors,
        advantage=completion.advantage,
        length=completion.length,
        finish_reason=completion.finish_reason,
        logprob_mean=completion.logprob_mean,
    )

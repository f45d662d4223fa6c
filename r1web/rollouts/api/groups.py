"""One group and its answers, the same prompt elsewhere, histograms, and how a run changes."""

from dataclasses import asdict
from typing import Annotated

from ninja import Field, Query, Router
from pydantic import BaseModel

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.rollouts.api.completions import AttemptNumber, Superseded, Where
from r1web.rollouts.schemas import GroupOut, group_out
from r1web.rollouts.selectors import (
    answers,
    by_steps,
    histogram,
    marks_of,
    same_prompt,
    share_solved,
    visible_group,
)
from r1web.rollouts.where import column_of, parse_where
from r1web.runs.selectors import visible_run

router = Router(tags=["rollouts"])
MOST_ALIKE = 1000


class ClusterOut(BaseModel):
    """Completions that give the same answer, as the verifier read it; in runs whose journal does
    not tell that: in <answer> tags, else boxed, else the last number."""

    answer: str | None = Field(description="As the first of them writes it; null for none.")
    indexes: list[int] = Field(description="Their places in the group.")
    share: float
    reward_mean: float | None
    right: bool | None = Field(
        description="Whether the verifier took it; null where that is not known."
    )
    expected: bool = Field(description="Whether it is written as the answer that is expected.")


class GroupDetail(BaseModel):
    run_id: int
    group: GroupOut
    clusters: list[ClusterOut] = Field(description="The largest first: the majority's answer.")
    solved: float | None = Field(
        description="Share of completions whose accuracy is 1, or whose reward is, without one."
    )


class AlikeOut(BaseModel):
    id: int
    attempt: int = Field(description="Number of the attempt.")
    step: int
    index: int = Field(description="Place of the prompt within the step, from 0.")
    size: int = Field(description="Completions.")
    reward_mean: float | None
    solved: float | None = Field(description="Share of completions that solve it.")


class AlikesOut(BaseModel):
    run_id: int
    items: list[AlikeOut] = Field(description="By step; the first thousand.")


class BinOut(BaseModel):
    low: float
    high: float = Field(
        description="As low where the bin is one value; else the end of the range, which belongs "
        "to the last bin only."
    )
    count: int


class HistogramOut(BaseModel):
    bins: list[BinOut]
    missing: int = Field(description="Completions that have no value.")


class EmergenceOut(BaseModel):
    """Columns with a value for each step that has completions; null where nothing is known."""

    steps: list[int]
    completions: list[int]
    length: list[float | None] = Field(description="Tokens, mean.")
    truncated: list[float | None] = Field(description="Share of completions that were cut.")
    reflective: list[float | None] = Field(description="Share with a reflective word.")
    reflections: list[float | None] = Field(description="Reflective words in each, mean.")
    counted: int = Field(
        description="Completions in which these were counted: all, or a sample for own words."
    )
    mixed: list[float | None] = Field(
        description="Share with letters of other scripts than the prompt's."
    )
    other_script: list[float | None] = Field(description="Share of such letters, mean.")
    solved: list[float | None] = Field(description="Share that solve their prompt.")
    prompts: list[int] = Field(description="Different prompts tried so far.")
    prompts_solved: list[int] = Field(description="Of these, solved at least once so far.")
    newly_solved: list[int] = Field(description="Prompts solved here for the first time.")


@router.get(
    "/groups/{int:group_id}",
    response={200: GroupDetail, ERRORS: ProblemOut},
    summary="One prompt with its completions",
)
def get_group(request: ApiRequest, group_id: int) -> GroupDetail:
    """With its completions sorted by what they answer."""
    group = visible_group(request.user, group_id)
    return GroupDetail(
        run_id=group.run_id,
        group=group_out(group, marks_of(request.user, [group])),
        clusters=[
            ClusterOut(**asdict(cluster), share=len(cluster.indexes) / group.size)
            for cluster in answers(group)
        ],
        solved=share_solved(group),
    )


@router.get(
    "/groups/{int:group_id}/same-prompt",
    response={200: AlikesOut, ERRORS: ProblemOut},
    summary="The same prompt at other steps",
)
def get_same_prompt(
    request: ApiRequest,
    group_id: int,
    run: Annotated[int | None, Query(description="Another run's; its own when left out.")] = None,
) -> AlikesOut:
    """All groups with the very same prompt, this one among them, in its run or another."""
    group = visible_group(request.user, group_id)
    run_id = group.run_id if run is None else visible_run(request.user, run).pk
    items = [
        AlikeOut(
            id=one.pk,
            attempt=one.attempt.number,
            step=one.step,
            index=one.index,
            size=one.size,
            reward_mean=one.reward_mean,
            solved=share_solved(one),
        )
        for one in same_prompt(group, run_id)[:MOST_ALIKE]
    ]
    return AlikesOut(run_id=run_id, items=items)


@router.get(
    "/runs/{int:run_id}/completions/histogram",
    response={200: HistogramOut, ERRORS: ProblemOut},
    summary="How often each value comes",
)
def get_histogram(
    request: ApiRequest,
    run_id: int,
    *,
    field: Annotated[str, Query(description="As in conditions.")] = "reward",
    where: Where = [],  # noqa: B006 - ninja copies it
    bins: Annotated[int, Query(ge=1, le=200)] = 20,
    attempt: AttemptNumber = None,
    superseded: Superseded = False,
) -> HistogramOut:
    """A bin for each value, or ranges of equal width where there are more than twelve."""
    run = visible_run(request.user, run_id)
    found = histogram(
        run_id=run.pk,
        column=column_of(field, path="field"),
        conditions=parse_where(where),
        bins=bins,
        attempt=attempt,
        superseded=superseded,
    )
    return HistogramOut(bins=[BinOut(**asdict(one)) for one in found.bins], missing=found.missing)


@router.get(
    "/runs/{int:run_id}/emergence",
    response={200: EmergenceOut, ERRORS: ProblemOut},
    summary="How completions change from step to step",
)
def get_emergence(
    request: ApiRequest,
    run_id: int,
    *,
    words: Annotated[
        list[str],
        Query(description="Reflective words, instead of the usual ones.", max_length=50),
    ] = [],  # noqa: B006 - ninja copies it
    where: Where = [],  # noqa: B006 - likewise
    attempt: AttemptNumber = None,
) -> EmergenceOut:
    """Length, reflection, language mixing, and which prompts were solved by when."""
    run = visible_run(request.user, run_id)
    found = by_steps(
        run_id=run.pk,
        conditions=parse_where(where),
        words=tuple(word.strip() for word in words if word.strip()),
        attempt=attempt,
    )
    return EmergenceOut(**asdict(found))

"""Completions of a whole run: lists, searches, and the address of one."""

from typing import Annotated

from ninja import Field, Query, Router
from pydantic import BaseModel

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, decode_cursor, encode_cursor
from r1web.errors import NotFoundError
from r1web.rollouts.matching import Mode, matcher
from r1web.rollouts.schemas import CompletionOut, CompletionRow, GroupOut, group_out, row_out
from r1web.rollouts.selectors import (
    After,
    Hit,
    Marks,
    Place,
    has_tokens,
    marks_of,
    read_completions,
    search,
    starred_in,
    tokens_of,
    visible_completion,
)
from r1web.rollouts.where import column_of, parse_where
from r1web.runs.selectors import visible_run
from training.events import TOKEN_STEPS

router = Router(tags=["rollouts"])

Where = Annotated[
    list[str],
    Query(
        description="Conditions that all have to hold, such as reward>=0.5, rewards.format=0, "
        "finish_reason=length, task=countdown or parsed=null.",
        max_length=20,
    ),
]
AttemptNumber = Annotated[
    int | None, Query(ge=1, description="Only this attempt's, superseded or not.")
]
Superseded = Annotated[bool, Query(description="With what later attempts replaced.")]
Starred = Annotated[bool, Query(description="Only those that you starred.")]


class CompletionsOut(BaseModel):
    items: list[CompletionRow]
    matched: int = Field(description="Completions that the conditions hold for.")
    total: int = Field(description="Completions of the run.")
    next_cursor: str | None


class HitOut(BaseModel):
    completion: CompletionRow
    field: str = Field(description="What matches: completion, question or answer.")
    excerpt: str = Field(description="The match and what stands around it.")
    start: int = Field(description="First character of the match within the excerpt.")
    end: int = Field(description="The one after its last.")


class SearchOut(BaseModel):
    items: list[HitOut] = Field(description="The newest groups first.")
    searched: int = Field(description="Completions looked through, those of pages before included.")
    total: int = Field(description="Completions to look through.")
    next_cursor: str | None = Field(
        description="To go on; a page may have few items or none where much has to be read."
    )


class CompletionDetail(BaseModel):
    run_id: int
    completion: CompletionOut
    group: GroupOut = Field(description="The group that it belongs to, with all completions.")
    has_tokens: bool = Field(description="Whether /completions/{id}/tokens has its tokens.")


class TokensOut(BaseModel):
    """The tokens of a completion; lists have a value for each token, in nats."""

    completion_id: str
    offsets: list[int] = Field(
        description="Where each token begins in the completion's text, and the text's end: token i "
        "is text[offsets[i]:offsets[i+1]], empty where it goes on with a character that began "
        "before. Counted in Unicode characters: in JavaScript, of Array.from(text)."
    )
    logprobs: list[float | None] | None = Field(
        description="By the sampler, to 1/256; null: not known."
    )
    entropies: list[float | None] | None = Field(
        description="Of the trainer's distribution, to 1/256; null where it did not see them."
    )
    differences: list[float | None] | None = Field(
        description="The trainer's log-probability less the sampler's, to 1/4096; null: not known."
    )


@router.get(
    "/runs/{int:run_id}/completions",
    response={200: CompletionsOut, ERRORS: ProblemOut},
    summary="Completions of a run",
)
def list_completions(
    request: ApiRequest,
    run_id: int,
    *,
    sort: Annotated[str, Query(description="A field, “-” before it: largest first.")] = "-step",
    where: Where = [],  # noqa: B006 - ninja copies it
    attempt: AttemptNumber = None,
    superseded: Superseded = False,
    starred: Starred = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> CompletionsOut:
    """In any order, over all steps; those without a value of the field come last."""
    run = visible_run(request.user, run_id)
    found = read_completions(
        run_id=run.pk,
        column=column_of(sort.removeprefix("-"), path="sort"),
        falling=sort.startswith("-"),
        conditions=parse_where(where),
        after=After(*decode_cursor(cursor, (float, int, int))) if cursor else None,
        limit=limit,
        attempt=attempt,
        superseded=superseded,
        only=starred_in(request.user, run.pk) if starred else None,
    )
    rest, marks = found.next_after, marks_of(request.user, [each.group for each in found.found])
    return CompletionsOut(
        items=[row_out(each, marks) for each in found.found],
        matched=found.matched,
        total=found.total,
        next_cursor=encode_cursor([rest.value, rest.group, rest.index]) if rest else None,
    )


@router.get(
    "/runs/{int:run_id}/completions/search",
    response={200: SearchOut, ERRORS: ProblemOut},
    summary="Search completions",
)
def search_completions(
    request: ApiRequest,
    run_id: int,
    *,
    q: Annotated[str, Query(max_length=1000, description="What to look for.")],
    mode: Annotated[
        Mode,
        Query(
            description="text: as it stands; words: all of them, whole; regex: a pattern of RE2. "
            "The first two do not regard case, the last does unless it begins with (?i)."
        ),
    ] = "text",
    where: Where = [],  # noqa: B006 - ninja copies it
    attempt: AttemptNumber = None,
    superseded: Superseded = False,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchOut:
    """Completions, questions and answers, the newest first, for about half a second a request."""
    run = visible_run(request.user, run_id)
    found = search(
        run_id=run.pk,
        matcher=matcher(q, mode),
        conditions=parse_where(where),
        start=Place(*decode_cursor(cursor, (int, int))) if cursor else None,
        limit=limit,
        attempt=attempt,
        superseded=superseded,
    )
    rest, marks = found.next_place, marks_of(request.user, [hit.found.group for hit in found.hits])
    return SearchOut(
        items=[_hit_out(hit, marks) for hit in found.hits],
        searched=found.searched,
        total=found.total,
        next_cursor=encode_cursor([rest.group, rest.text]) if rest else None,
    )


@router.get(
    "/completions/{completion_id}",
    response={200: CompletionDetail, ERRORS: ProblemOut},
    summary="One completion",
)
def get_completion(request: ApiRequest, completion_id: str) -> CompletionDetail:
    """At an address that stays, with its group."""
    found = visible_completion(request.user, completion_id)
    group = group_out(found.group, marks_of(request.user, [found.group]))
    return CompletionDetail(
        run_id=found.group.run_id,
        completion=group.completions[found.completion.index],
        group=group,
        has_tokens=has_tokens(found.group),
    )


@router.get(
    "/completions/{completion_id}/tokens",
    response={200: TokensOut, ERRORS: ProblemOut},
    summary="The tokens of one completion",
)
def get_tokens(request: ApiRequest, completion_id: str) -> TokensOut:
    """One by one, of runs and groups of which `rollouts.token_detail` keeps them; else 404."""
    found = visible_completion(request.user, completion_id)
    tokens = tokens_of(found)
    if tokens is None:
        raise NotFoundError(
            f"The tokens of completion {completion_id} were not kept: rollouts.token_detail of the "
            "run's config says of which groups they are."
        )
    told = {name: tokens.told.get(name) for name in TOKEN_STEPS}
    return TokensOut(completion_id=found.completion.id, offsets=tokens.offsets, **told)


def _hit_out(hit: Hit, marks: Marks) -> HitOut:
    start, end = hit.span
    return HitOut(
        completion=row_out(hit.found, marks),
        field=hit.field,
        excerpt=hit.excerpt,
        start=start,
        end=end,
    )

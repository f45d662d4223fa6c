"""/runs: list, start, look at, change, stop, pause, resume, fork."""

from typing import Annotated

from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.api.pagination import Cursor, Limit, page
from r1web.live.selectors import events_after
from r1web.runs import selectors, services
from r1web.runs.models import Run, State
from r1web.runs.schemas import (
    CheckpointList,
    ColumnList,
    EventList,
    ForkIn,
    LogTail,
    ResumeIn,
    RunDetail,
    RunIn,
    RunList,
    RunPatch,
    StopIn,
    TransitionList,
)

router = Router(tags=["runs"])

Order = Annotated[
    str,
    Query(
        description="created_at, name, state, preset, owner, priority, last_step, duration_s, "
        "device_hours, cost_usd, reward, pass_at_1, tokens_per_s, or the name of a metric; “-” "
        "before it: the greatest first. Runs without a value of it come last.",
        max_length=130,
        pattern=r"^-?[^-\x00][^\x00]*$",
    ),
]


# A NUL character is no text to PostgreSQL.
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class RunFilters(Schema):
    """Each narrows the list; several states may be given."""

    state: list[State] = []
    name: Text = ""
    preset: Text = ""
    owner: Text = ""
    tag: Text = ""
    project: Text = ""
    q: Text = ""


Where = Annotated[
    list[Text],
    Query(
        description="Conditions that all have to hold, such as reward>=0.5, cost_usd<10 or "
        "eval/pass_at_1!=null.",
        max_length=20,
    ),
]
Columns = Annotated[
    list[Text], Query(description="Metrics whose newest values each row gets.", max_length=50)
]


@router.get("/runs", response={200: RunList, ERRORS: ProblemOut}, summary="List runs")
def list_runs(
    request: ApiRequest,
    filters: Query[RunFilters],
    *,
    where: Where = [],  # noqa: B006 - ninja copies it
    columns: Columns = [],  # noqa: B006 - likewise
    sort: Order = "-created_at",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RunList:
    """Runs of your projects; `q` looks into name, preset, owner and tags."""
    items, next_cursor = selectors.read_table(
        selectors.filtered(selectors.visible_runs(request.user), **filters.dict()),
        order=sort,
        conditions=selectors.parse_conditions(where),
        columns=columns,
        cursor=cursor,
        limit=limit,
    )
    return RunList(items=items, next_cursor=next_cursor)


@router.get(
    "/runs/columns", response={200: ColumnList, ERRORS: ProblemOut}, summary="Metrics of runs"
)
def list_columns(request: ApiRequest) -> ColumnList:
    """What `columns`, `sort` and `where` of the list can name beside the fields of a run."""
    return ColumnList(items=selectors.known_metrics(selectors.visible_runs(request.user)))


@router.post("/runs", response={201: RunDetail, ERRORS: ProblemOut}, summary="Start a run")
def start_run(
    request: ApiRequest,
    body: RunIn,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key")] = None,
) -> Status[RunDetail]:
    """Queue a run. Sent again with the same Idempotency-Key, it answers with the same run."""
    user = request.user
    checkpoint = body.checkpoint and selectors.visible_checkpoint(user, body.checkpoint)
    run = services.create_run(
        owner=user,
        project=selectors.project_for_new_run(user, body.project),
        preset=body.preset,
        name=body.name if body.name is not None else body.preset or "run",
        overrides=body.config,
        checkpoint=checkpoint or None,
        tags=body.tags,
        priority=body.priority,
        preemptible=body.preemptible,
        idempotency_key=idempotency_key,
    )
    return Status(201, _detail(request, run))


@router.get("/runs/{int:run_id}", response={200: RunDetail, ERRORS: ProblemOut}, summary="One run")
def get_run(request: ApiRequest, run_id: int) -> RunDetail:
    return selectors.run_detail(request.user, run_id)


@router.patch(
    "/runs/{int:run_id}", response={200: RunDetail, ERRORS: ProblemOut}, summary="Change a run"
)
def edit_run(request: ApiRequest, run_id: int, body: RunPatch) -> RunDetail:
    """Change its name, tags or place in the queue; its config is frozen."""
    run = selectors.changeable_run(request.user, run_id)
    services.edit_run(run=run, **body.dict())
    return _detail(request, run)


@router.delete(
    "/runs/{int:run_id}", response={204: None, ERRORS: ProblemOut}, summary="Delete a run"
)
def delete_run(request: ApiRequest, run_id: int, name: Text = "") -> Status[None]:
    """Take an ended run off the lists, by its exact name; it can be restored for some days."""
    run = selectors.changeable_run(request.user, run_id)
    services.delete_run(run=run, name=name, actor=request.user)
    return Status(204, None)


@router.post(
    "/runs/{int:run_id}/stop", response={200: RunDetail, ERRORS: ProblemOut}, summary="Stop a run"
)
def stop_run(request: ApiRequest, run_id: int, body: StopIn | None = None) -> RunDetail:
    """Ask it to save a checkpoint and end; a queued run has stopped at once."""
    run = selectors.changeable_run(request.user, run_id)
    services.request_stop(run=run, actor=request.user, reason=body.reason if body else "")
    return _detail(request, run)


@router.post(
    "/runs/{int:run_id}/pause",
    response={200: RunDetail, ERRORS: ProblemOut},
    summary="Pause a run",
)
def pause_run(request: ApiRequest, run_id: int, body: StopIn | None = None) -> RunDetail:
    """Have it wait until it is continued; under way, it saves and gives its devices back first."""
    run = selectors.changeable_run(request.user, run_id)
    services.request_pause(run=run, actor=request.user, reason=body.reason if body else "")
    return _detail(request, run)


@router.post(
    "/runs/{int:run_id}/continue",
    response={200: RunDetail, ERRORS: ProblemOut},
    summary="Continue a paused run",
)
def continue_run(request: ApiRequest, run_id: int) -> RunDetail:
    """It waits for devices again, at the place in the queue that its age gives it."""
    run = selectors.changeable_run(request.user, run_id)
    services.continue_run(run=run, actor=request.user)
    return _detail(request, run)


@router.post(
    "/runs/{int:run_id}/resume",
    response={200: RunDetail, ERRORS: ProblemOut},
    summary="Resume a run",
)
def resume_run(request: ApiRequest, run_id: int, body: ResumeIn | None = None) -> RunDetail:
    """Queue a stopped or failed run again, from a checkpoint of its own."""
    run = selectors.changeable_run(request.user, run_id)
    chosen = body.checkpoint if body else None
    checkpoint = selectors.visible_checkpoint(request.user, chosen) if chosen else None
    services.resume_run(run=run, actor=request.user, checkpoint=checkpoint)
    return _detail(request, run)


@router.post(
    "/runs/{int:run_id}/fork", response={201: RunDetail, ERRORS: ProblemOut}, summary="Fork a run"
)
def fork_run(request: ApiRequest, run_id: int, body: ForkIn | None = None) -> Status[RunDetail]:
    """Start a new run from a checkpoint of this one, with its config under your overrides."""
    run = selectors.changeable_run(request.user, run_id)
    asked = body or ForkIn()
    chosen = asked.checkpoint
    forked = services.fork_run(
        run=run,
        actor=request.user,
        name=asked.name if asked.name is not None else run.name,
        overrides=asked.config,
        checkpoint=selectors.visible_checkpoint(request.user, chosen) if chosen else None,
    )
    return Status(201, _detail(request, forked))


@router.get(
    "/runs/{int:run_id}/events", response={200: EventList, ERRORS: ProblemOut}, summary="Events"
)
def list_events(
    request: ApiRequest,
    run_id: int,
    after_seq: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> EventList:
    """What happened after that number, in order: how a live page fills a hole."""
    run = selectors.visible_run(request.user, run_id)
    items = events_after(run.pk, after_seq, limit)
    return EventList(items=items, last_seq=max([run.last_seq, *(item.seq for item in items)]))


@router.get("/runs/{int:run_id}/logs", response={200: LogTail, ERRORS: ProblemOut}, summary="Log")
def read_log(
    request: ApiRequest,
    run_id: int,
    offset: Annotated[int | None, Query(ge=0, description="The end of it when left out.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000_000, description="Bytes.")] = 64_000,
) -> LogTail:
    """A piece of the trainer's output; go on from `next_offset`."""
    return selectors.log_tail(selectors.visible_run(request.user, run_id), offset, limit)


@router.get(
    "/runs/{int:run_id}/checkpoints",
    response={200: CheckpointList, ERRORS: ProblemOut},
    summary="Checkpoints",
)
def list_checkpoints(
    request: ApiRequest, run_id: int, cursor: Cursor = None, limit: Limit = 100
) -> CheckpointList:
    """Newest first; those pruned since have `deleted_at`."""
    run = selectors.visible_run(request.user, run_id)
    rows = run.checkpoints.select_related("attempt")
    found, next_cursor = page(rows, order="-step", cursor=cursor, limit=limit)
    items = [selectors.checkpoint_out(checkpoint) for checkpoint in found]
    return CheckpointList(items=items, next_cursor=next_cursor)


@router.get(
    "/runs/{int:run_id}/transitions",
    response={200: TransitionList, ERRORS: ProblemOut},
    summary="History",
)
def list_transitions(
    request: ApiRequest, run_id: int, cursor: Cursor = None, limit: Limit = 100
) -> TransitionList:
    """Each change of its state, newest first: who or what did it, when, and why."""
    run = selectors.visible_run(request.user, run_id)
    rows = run.transitions.select_related("attempt")
    found, next_cursor = page(rows, order="-at", cursor=cursor, limit=limit)
    items = [selectors.transition_out(transition) for transition in found]
    return TransitionList(items=items, next_cursor=next_cursor)


def _detail(request: ApiRequest, run: Run) -> RunDetail:
    return selectors.run_detail(request.user, run.pk)

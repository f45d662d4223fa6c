"""/runs/{id}/stages: a pipeline's stages, and taking one again."""

from ninja import Router, Status

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.runs import selectors, services
from r1web.runs.schemas import RunDetail
from r1web.runs.stage_schemas import RepeatIn, StagesOut

router = Router(tags=["stages"])


@router.get(
    "/runs/{int:run_id}/stages",
    response={200: StagesOut, ERRORS: ProblemOut},
    summary="Stages, and what they have found",
)
def list_stages(request: ApiRequest, run_id: int) -> StagesOut:
    """Where each is, what flows between them, what each took, and its score."""
    return selectors.stages_of(selectors.visible_run(request.user, run_id))


@router.post(
    "/runs/{int:run_id}/stages/{stage}/repeat",
    response={201: RunDetail, ERRORS: ProblemOut},
    summary="Repeat a stage",
)
def repeat_stage(
    request: ApiRequest, run_id: int, stage: str, body: RepeatIn | None = None
) -> Status[RunDetail]:
    """A new run of this stage alone, or with all after it, from what the stages before it left."""
    run = selectors.changeable_run(request.user, run_id)
    asked = body or RepeatIn()
    repeated = services.repeat_stage(
        run=run,
        actor=request.user,
        stage=stage,
        to_end=asked.to_end,
        name=asked.name if asked.name is not None else run.name,
        overrides=asked.config,
    )
    return Status(201, selectors.run_detail(request.user, repeated.pk))

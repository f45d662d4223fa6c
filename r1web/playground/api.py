"""/playground: whom one may talk to, and asking. The answers come on a socket."""

from ninja import Router, Status

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.playground import selectors, services
from r1web.playground.schemas import AnswerIn, AskedOut, ProblemsIn, SpeakerList, SpeakerOut
from r1web.playground.selectors import Speaker

router = Router(tags=["playground"])
REFUSALS = ERRORS | {429, 503}


@router.get(
    "/runs/{int:run_id}/models",
    response={200: SpeakerList, ERRORS: ProblemOut},
    summary="Models of a run that can be talked to",
)
def list_models(request: ApiRequest, run_id: int) -> SpeakerList:
    """What the run started from, then its checkpoints, oldest first."""
    found = selectors.speakers_of_run(request.user, run_id)
    return SpeakerList(items=[_out(speaker) for speaker in found])


@router.post(
    "/playground/answers", response={202: AskedOut, REFUSALS: ProblemOut}, summary="Ask a model"
)
def ask(request: ApiRequest, body: AnswerIn) -> Status[AskedOut]:
    """Have it answer, scored by the run's own rewards; what it says comes on the socket."""
    speaker = selectors.find_speaker(request.user, body.model)
    asked = body.model_dump(exclude={"model", "question", "problem"})
    if body.problem is None:
        asked["messages"] = [{"role": "user", "content": body.question}]
    else:
        asked["problem"] = body.problem
    asked |= {"type": "ask", "score": True}
    return Status(202, AskedOut(id=services.ask(user=request.user, speaker=speaker, request=asked)))


@router.post(
    "/playground/problems",
    response={202: AskedOut, REFUSALS: ProblemOut},
    summary="Ask for held-out problems of a run's task",
)
def ask_for_problems(request: ApiRequest, body: ProblemsIn) -> Status[AskedOut]:
    """The first ones, with their answers; they come on the socket, from who serves the model."""
    speaker = selectors.find_speaker(request.user, body.model)
    found = services.ask_for_problems(user=request.user, speaker=speaker, count=body.count)
    return Status(202, AskedOut(id=found))


def _out(speaker: Speaker) -> SpeakerOut:
    run = speaker.run
    return SpeakerOut(name=speaker.name, run=run.pk, run_name=run.name, step=speaker.step)

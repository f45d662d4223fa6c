"""/runs/{id}/provenance: where a run's data and checkpoints come from."""

from ninja import Router

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.provenance import selectors
from r1web.provenance.schemas import ProvenanceOut
from r1web.runs.selectors import visible_run

router = Router(tags=["provenance"])


@router.get(
    "/runs/{int:run_id}/provenance",
    response={200: ProvenanceOut, ERRORS: ProblemOut},
    summary="Datasets, and the parents of checkpoints",
)
def get_provenance(request: ApiRequest, run_id: int) -> ProvenanceOut:
    """Cards of the datasets, what was left out of them, and each checkpoint's line of parents over
    all runs; names and paths of runs that you may not see are withheld."""
    return selectors.provenance_of(request.user, visible_run(request.user, run_id))

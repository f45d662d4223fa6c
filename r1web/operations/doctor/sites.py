"""Whether what this worker submits to SLURM or Kubernetes would be taken there."""

from collections.abc import Iterator

from django.conf import settings

from r1web.cluster.models import Node
from r1web.cluster.services import example, missing_rights, try_out
from r1web.cluster.submission.system import SiteError
from r1web.operations.doctor.finding import Finding, fail, ok

MEND = "correct R1WEB_SUBMIT_TEMPLATE, or what the system lacks; see docs/clusters.md"


def submission() -> Iterator[Finding]:
    """Nothing, unless the settings are those of a worker that submits."""
    if settings.R1WEB_SUBMIT.to == Node.Kind.MACHINE:
        return
    try:
        yield ok("submission", try_out(example()))
        missing = missing_rights()
    except SiteError as error:
        yield fail("submission", str(error), MEND)
        return
    if missing:
        yield fail("rights", f"this worker may not {', '.join(missing)}", "give it those rights")
    else:
        yield ok("rights", "this worker may do what it has to")

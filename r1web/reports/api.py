"""/runs/{id}/report and /runs/{id}/bundle: the supplement of a run, and what runs it again."""

import tempfile
from typing import Annotated

from django.http import FileResponse, HttpResponse
from ninja import Query, Router

from r1web.api.auth import ApiRequest
from r1web.api.errors import ERRORS, ProblemOut
from r1web.reports.bundle import write_bundle
from r1web.reports.rendering import CONTENT_TYPES, RENDERERS, Format
from r1web.reports.selectors import report_of
from r1web.reports.selectors.bundling import bundle_parts
from r1web.runs.selectors import visible_run

router = Router(tags=["reports"])

NO_SCRIPTS = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Of the page: it brings its style, and may fetch and run nothing."""


@router.get(
    "/runs/{int:run_id}/report",
    response={200: None, ERRORS: ProblemOut},
    summary="The supplement of a run",
)
def get_report(
    request: ApiRequest,
    run_id: int,
    format: Annotated[  # noqa: A002 - the parameter's name for callers
        Format, Query(description="A page, a PDF, or a model card in Markdown.")
    ] = "html",
) -> HttpResponse:
    """What was trained on what, how, how good it is, what it took, and what speaks against it. A
    page opens in the browser; the others are saved."""
    run = visible_run(request.user, run_id)
    body = RENDERERS[format](report_of(run, request.user))
    kind = "inline" if format == "html" else "attachment"
    return HttpResponse(
        body,
        content_type=CONTENT_TYPES[format],
        headers={
            "Content-Disposition": f'{kind}; filename="run-{run.pk}-report.{format}"',
            "Content-Security-Policy": NO_SCRIPTS,
        },
    )


@router.get(
    "/runs/{int:run_id}/bundle",
    response={200: None, ERRORS: ProblemOut},
    summary="All that is needed to run a run again and compare",
)
def get_bundle(request: ApiRequest, run_id: int) -> FileResponse:
    """A ZIP for `manage.py reproduce`; of a run that has ended always the same bytes."""
    run = visible_run(request.user, run_id)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it once it is sent
    write_bundle(bundle_parts(run), file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"run-{run.pk}-bundle.zip")

"""One report as a page, as a PDF and as a model card."""

from collections.abc import Callable
from typing import Literal

from r1web.reports.document import Report
from r1web.reports.rendering.html import to_html
from r1web.reports.rendering.markdown import to_markdown

Format = Literal["html", "pdf", "md"]
CONTENT_TYPES: dict[Format, str] = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "md": "text/markdown; charset=utf-8",
}


def _to_pdf(report: Report) -> bytes:
    from r1web.reports.rendering.pdf import to_pdf  # noqa: PLC0415 - large, and seldom wanted

    return to_pdf(report)


RENDERERS: dict[Format, Callable[[Report], bytes]] = {
    "html": to_html,
    "pdf": _to_pdf,
    "md": to_markdown,
}

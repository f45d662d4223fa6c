"""Sends a file so that a download can go on where it was cut off (RFC 9110, sections 13 and 14)."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from r1web.api.errors import answer
from r1web.api.streaming import sent

PIECE_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(?:(\d+)-(\d*)|-(\d+))")


def send_file(request: HttpRequest, path: Path, *, etag: str) -> HttpResponseBase:
    """All of it, or the one range that is asked for; `etag` names exactly this content.

    A `Range` of several parts, or one whose `If-Range` means another content, gets all of it.
    """
    tag, size = f'"{etag}"', path.stat().st_size
    if (settled := get_conditional_response(request, etag=tag)) is not None:
        return settled
    part = _asked(request, tag, size)
    if part is not None and not part:
        refused = answer(416, "range_not_satisfiable", f"The file has {size} bytes: ask for less.")
        refused["Content-Range"] = f"bytes */{size}"
        return refused
    begin, end = (0, size) if part is None else (part.start, part.stop)
    response = StreamingHttpResponse(
        sent(_pieces(path, begin, end)),
        content_type="application/octet-stream",
        status=200 if part is None else 206,
        headers={"ETag": tag, "Accept-Ranges": "bytes", "Content-Length": str(end - begin)},
    )
    if part is not None:
        response["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    response["Content-Disposition"] = content_disposition_header(True, path.name) or "attachment"
    return response


def _asked(request: HttpRequest, tag: str, size: int) -> range | None:
    """The bytes asked for; empty when there are none such, None for all of the file."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or request.headers.get("If-Range", tag) != tag:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    if last and int(last) < int(first):
        return None  # no range at all
    return range(int(first), min(size, int(last) + 1) if last else size)


def _pieces(path: Path, begin: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        while (left := end - file.tell()) > 0:
            piece = file.read(min(PIECE_BYTES, left))
            if not piece:
                # Cut off rather than ended: the answer has promised more.
                raise OSError(f"{path} has become shorter than {end} bytes while it was sent")
            yield piece

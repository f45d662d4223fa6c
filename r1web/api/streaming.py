"""Answers that are written while they are sent, piece by piece."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal

from channels.db import database_sync_to_async
from django.http import StreamingHttpResponse

Format = Literal["csv", "jsonl", "parquet"]
CONTENT_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def streamed(pieces: Iterator[bytes], *, kind: Format, name: str) -> StreamingHttpResponse:
    """A file to be saved as `name`; each piece is made in a thread, when the one before went out.

    What goes wrong after the first piece cuts the answer off: it never ends as if it were whole.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return StreamingHttpResponse(sent(pieces), content_type=CONTENT_TYPES[kind], headers=headers)


async def sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread."""
    following = database_sync_to_async(next, thread_sensitive=False)
    while (piece := await following(pieces, None)) is not None:
        yield piece

"""Complete lines of a file that somebody else is still writing."""

from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 4 * 1024 * 1024
LONGEST_LINE_BYTES = 64 * 1024 * 1024
MOST_LINES = 1000


@dataclass(frozen=True)
class Line:
    data: bytes
    """Without the line end."""
    end: int
    """Offset in the file of the byte after it."""


def read_lines(path: Path, offset: int) -> list[Line]:
    """At most MOST_LINES complete lines from `offset` on; none when the file is not there.

    A line that is longer than LONGEST_LINE_BYTES comes in pieces.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(CHUNK_BYTES)
            if len(chunk) == CHUNK_BYTES and b"\n" not in chunk:
                chunk += file.readline(LONGEST_LINE_BYTES - CHUNK_BYTES)
    except FileNotFoundError:
        return []
    return _split(chunk, offset)


def torn_end(path: Path, offset: int) -> bytes:
    """What stands after the last complete line, when `offset` is there: a line that broke off."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(LONGEST_LINE_BYTES)
    except FileNotFoundError:
        return b""


def _split(chunk: bytes, offset: int) -> list[Line]:
    *pieces, rest = chunk.split(b"\n", MOST_LINES)
    if len(chunk) >= LONGEST_LINE_BYTES and not pieces:
        return [Line(rest, offset + len(rest))]
    lines = []
    for piece in pieces:
        offset += len(piece) + 1
        lines.append(Line(piece, offset))
    return lines

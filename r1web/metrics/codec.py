"""Columns as bytes: the bytes of equal weight of all numbers stand together, then zstandard.

Signs, exponents and high digits of neighbours are alike, and numbers that were float32 have low
bytes of zero: such columns shrink, and noise of full precision costs its 8 bytes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = bytes | memoryview

LEVEL = 3
ABSENT_BITS = np.int64(0x7FF8_0000_0000_0B5E)
ABSENT = ABSENT_BITS.view(np.float64)
"""Stands where a line has no value of a series: a NaN that no computation yields. A series' own NaN
is stored as the usual one."""


def absent(values: Floats) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = values.view(np.int64) == ABSENT_BITS
    return found


class Packer:
    """Writes columns; one is enough for many, and belongs to one thread.

    To make another for each column takes as long as to compress it.
    """

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=LEVEL)

    def pack(self, columns: Sequence[NDArray[Any]]) -> bytes:
        """Columns of 8-byte or 4-byte numbers, one after the other."""
        return self._zstd.compress(b"".join(map(_shuffled, columns)))


class Unpacker:
    """Reads what a `Packer` wrote; one is enough for many, and belongs to one thread."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdDecompressor()

    def columns(self, data: Bytes, dtypes: Sequence[str], length: int) -> list[NDArray[Any]]:
        """Columns of these types, `length` numbers each. Raises ValueError when they are not."""
        plain = np.frombuffer(self._zstd.decompress(data), np.uint8)
        found, at = [], 0
        for dtype in map(np.dtype, dtypes):
            piece = plain[at : at + dtype.itemsize * length]
            rows = piece.reshape(dtype.itemsize, length)
            found.append(np.ascontiguousarray(rows.T).view(dtype).reshape(length))
            at += len(piece)
        if at != len(plain):
            raise ValueError(f"{len(plain)} bytes are not {length} numbers of {dtypes}.")
        return found


def pack_axes(steps: Ints, times: Floats, seqs: Ints) -> bytes:
    """What the lines of a page have in common; a line that is no event has number 0."""
    return Packer().pack([np.diff(steps, prepend=0), times, np.diff(seqs, prepend=0)])


def unpack_axes(data: Bytes, length: int, unpacker: Unpacker) -> tuple[Ints, Floats, Ints]:
    steps, times, seqs = unpacker.columns(data, ("<i8", "<f8", "<i8"), length)
    return np.cumsum(steps), times, np.cumsum(seqs)


def _shuffled(column: NDArray[Any]) -> bytes:
    size = column.dtype.itemsize
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, size).T.tobytes()

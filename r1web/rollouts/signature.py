"""Which groups of a segment may contain a text, without unpacking any.

Of each run of three bytes a group's folded text has, the signature keeps a bit: a matrix of hashed
triples by groups. A group without the bits of all triples of what is looked for does not contain
it; one that has them is read. Triples that all groups have, or none, take next to no room packed.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from r1web.rollouts.packing import squeeze, unsqueeze

BUCKETS = 1 << 16
ROWS = 128
"""Buckets that are packed together, a part: a search unpacks the parts of its own triples."""
MOST_TRIPLES = 24
"""Further triples of a long text tell next to nothing."""

FIRST_TRIPLES = 6
"""So many are looked at first: most texts that are nowhere are told by a few."""

Bits = NDArray[np.uint8]


def fold(text: bytes) -> bytes:
    """Text in UTF-8 without regard to case.

    Folding goes letter by letter, so what a text contains its folded form contains folded.
    """
    return text.lower() if text.isascii() else text.decode().casefold().encode()


def buckets(folded: bytes) -> NDArray[np.uint32]:
    """The bucket of each run of three bytes."""
    byte = np.frombuffer(folded, np.uint8).astype(np.uint32)
    triples = byte[:-2] << 16 | byte[1:-1] << 8 | byte[2:]
    return (triples * np.uint32(2654435761) >> np.uint32(16)).astype(np.uint32)


def sign(texts: Sequence[bytes]) -> Bits:
    """A row for each bucket, in it a bit for each of the folded texts."""
    bits = np.zeros((BUCKETS, (len(texts) + 7) // 8), np.uint8)
    for place, text in enumerate(texts):
        present = np.zeros(BUCKETS, bool)
        present[buckets(text)] = True
        bits[present, place // 8] |= 128 >> place % 8
    return bits


def parts(bits: Bits) -> Iterator[tuple[int, bytes]]:
    """The number of each part that has a bit set, and the part packed."""
    for number in range(BUCKETS // ROWS):
        rows = bits[number * ROWS : (number + 1) * ROWS]
        if rows.any():
            yield number, squeeze(rows.tobytes())


def candidates(
    needles: Sequence[bytes], count: int, read: Callable[[set[int]], dict[int, bytes]]
) -> NDArray[np.bool_]:
    """Which of the groups, of `count`, may contain all of the folded needles.

    `read` gives the parts of these numbers that there are.
    """
    wanted = _wanted(needles)
    width = (count + 7) // 8
    bits = np.full(width, 255, np.uint8)
    for some in (wanted[:FIRST_TRIPLES], wanted[FIRST_TRIPLES:]):
        if some and bits.any():
            bits &= _all_of(some, width, read)
    return np.unpackbits(bits, count=count).astype(bool)


def _all_of(
    wanted: Sequence[int], width: int, read: Callable[[set[int]], dict[int, bytes]]
) -> Bits:
    """A bit for each group that has all of these buckets."""
    found = read({bucket // ROWS for bucket in wanted})
    bits = np.full(width, 255, np.uint8)
    for number, packed in found.items():
        rows = np.frombuffer(unsqueeze(packed), np.uint8).reshape(ROWS, width)
        own = [bucket % ROWS for bucket in wanted if bucket // ROWS == number]
        bits &= np.bitwise_and.reduce(rows[own], axis=0)
    missing = {bucket // ROWS for bucket in wanted} - found.keys()
    return np.zeros(width, np.uint8) if missing else bits


def _wanted(needles: Sequence[bytes]) -> list[int]:
    """Buckets to look at: those of all needles, spread evenly where they are too many."""
    each = sorted({int(bucket) for needle in needles for bucket in buckets(needle)})
    return each[:: len(each) // MOST_TRIPLES + 1]

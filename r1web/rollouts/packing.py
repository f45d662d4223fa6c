"""How a group's texts and numbers are packed: one blob of Zstandard each.

Texts of one run resemble each other, those of one group most of all. So a group is one frame, and
the frames of a segment share a dictionary: the last texts before the segment, as they are.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, groupby, pairwise

import numpy as np
import zstandard
from numpy.typing import NDArray

LEVEL = 13
"""Levels above make it hardly smaller."""
DICTIONARY_BYTES = 256 * 1024

FINISH_REASONS = ("stop", "length")
"""A reason is the number of its place here."""
PART = "rewards."
"""Before the name of a part of the reward."""
ACCURACY = f"{PART}accuracy"
"""A completion solves its prompt when this is 1 or more; where there is none, its reward."""
HEAD = zstandard.ZstdCompressionDict(
    b'[["reward","rewards.accuracy","rewards.format","advantage","length","finish_reason",'
    b'"logprob_mean","reflections","other_script"],{}]\n',
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)
"""How scores usually begin: what is packed cannot be read with another one."""
Numbers = NDArray[np.float64]
Errors = dict[str, list[str | None]]
"""Why a part of the reward could not be computed: by its name, for each completion."""


def squeeze(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def unsqueeze(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def pack_scores(scores: Mapping[str, Sequence[float | None]], errors: Errors) -> bytes:
    """Numbers by name, one for each completion, and why some are missing.

    A line of JSON with the names, then all numbers' first bytes, all their second ones, and so on:
    in this order they pack better.
    """
    head = json.dumps([list(scores), errors], separators=(",", ":"))
    numbers = np.array(list(scores.values()), "<f8")
    turned = numbers.view(np.uint8).reshape(-1, 8).T.tobytes()
    return zstandard.ZstdCompressor(level=LEVEL, dict_data=HEAD).compress(
        head.encode() + b"\n" + turned
    )


def unpack_scores(data: bytes) -> tuple[dict[str, Numbers], Errors]:
    """NaN where there is none."""
    head, turned = _opened(zstandard.ZstdDecompressor(dict_data=HEAD), data)
    names, errors = json.loads(head)
    numbers = np.frombuffer(turned, np.uint8).reshape(8, -1).T.copy().view("<f8")
    return dict(zip(names, numbers.reshape(len(names), -1), strict=True)), errors


def unpack_numbers(packed: Iterable[bytes]) -> Iterator[dict[str, Numbers]]:
    """The numbers of many groups, one after the other; those of groups that follow each other and
    are alike, in what is known of them and in size, come together, which is much faster."""
    decompressor = zstandard.ZstdDecompressor(dict_data=HEAD)
    opened = (_opened(decompressor, data) for data in packed)
    for (head, size), alike in groupby(opened, lambda each: (each[0], len(each[1]))):
        if size:
            names, _ = json.loads(head)
            planes = np.frombuffer(b"".join(turned for _, turned in alike), np.uint8)
            numbers = planes.reshape(-1, 8, size // 8).transpose(0, 2, 1).copy().view("<f8")
            of_group = numbers.reshape(len(numbers), len(names), -1)
            yield {name: of_group[:, place].ravel() for place, name in enumerate(names)}


def _opened(decompressor: zstandard.ZstdDecompressor, data: bytes) -> tuple[bytes, bytes]:
    """The line of JSON, and the numbers as they were turned."""
    head, _, turned = decompressor.decompress(data).partition(b"\n")
    return head, turned


def key_of(text: str) -> int:
    """The same number for the same text, of 64 bits with a sign."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Packer:
    """Packs and unpacks the texts of one segment. Not for two threads at once."""

    def __init__(self, dictionary: bytes) -> None:
        self.shared = dictionary and zstandard.ZstdCompressionDict(
            dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT
        )

    @cached_property
    def _compressor(self) -> zstandard.ZstdCompressor:
        return zstandard.ZstdCompressor(level=LEVEL, dict_data=self.shared or None)

    @cached_property
    def _decompressor(self) -> zstandard.ZstdDecompressor:
        return zstandard.ZstdDecompressor(dict_data=self.shared or None)

    def pack(self, texts: Sequence[str]) -> bytes:
        return self._compressor.compress(join(texts))

    def unpack(self, data: bytes) -> list[bytes]:
        """The texts, in UTF-8."""
        return split(self._decompressor.decompress(data))


def join(texts: Sequence[str]) -> bytes:
    """Their number, their lengths in bytes, then the texts, in UTF-8."""
    encoded = [text.encode() for text in texts]
    lengths = [len(text) for text in encoded]
    return struct.pack(f"<{len(lengths) + 1}I", len(lengths), *lengths) + b"".join(encoded)


def split(data: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("<I", data)
    lengths = struct.unpack_from(f"<{count}I", data, 4)
    ends = accumulate(lengths, initial=4 + 4 * count)
    return [data[start:end] for start, end in pairwise(ends)]

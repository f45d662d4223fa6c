"""The tokens of a group's completions one by one: packed, and read again.

The journal tells them as 16-bit integers (`training.events.pack_tokens`). Those of a group are kept
together as one frame of Zstandard: a line of JSON, then all numbers' low bytes, then their high
bytes; first the lengths of all completions' tokens, then each kind of number, one after the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from r1web.rollouts.packing import squeeze, unsqueeze
from training.events import TOKEN_STEPS, UNKNOWN, CompletionRecord, unpack_tokens

Steps = NDArray[np.int16]


@dataclass(frozen=True)
class Tokens:
    """Of one completion; lists run over its tokens."""

    offsets: list[int]
    """Where each token's text begins within the completion's, in characters; then its end."""
    told: dict[str, list[float | None]] = field(default_factory=dict)
    """Nats, by the names of `TOKEN_STEPS`; what is not known at all is left out."""


def pack_group(completions: Sequence[CompletionRecord]) -> bytes:
    """Raises ValueError for tokens that are not those of their completion."""
    known = {
        place: unpack_tokens(one.tokens, one.length)
        for place, one in enumerate(completions)
        if one.tokens is not None
    }
    names = [name for name in TOKEN_STEPS if any(name in told for _, told in known.values())]
    nothing = UNKNOWN.to_bytes(2, "little", signed=True)
    columns = [
        b"".join(told.get(name, nothing * (len(lengths) // 2)) for lengths, told in known.values())
        for name in names
    ]
    numbers = b"".join([*(lengths for lengths, _ in known.values()), *columns])
    head = {"counts": {place: len(each) // 2 for place, (each, _) in known.items()}, "names": names}
    return squeeze(json.dumps(head).encode() + b"\n" + numbers[::2] + numbers[1::2])


def unpack_completion(data: bytes, index: int) -> Tokens | None:
    """The tokens of the completion at this place; None where they are not kept."""
    head, _, planes = unsqueeze(data).partition(b"\n")
    told = json.loads(head)
    counts = {int(place): count for place, count in told["counts"].items()}
    if index not in counts:
        return None
    low, high = np.frombuffer(planes, np.uint8).reshape(2, -1)
    rows = (low.astype(np.uint16) | high.astype(np.uint16) << 8).view(np.int16)
    begin = sum(count for place, count in counts.items() if place < index)
    table = rows.reshape(1 + len(told["names"]), -1)[:, begin : begin + counts[index]]
    lengths = table[0].view(np.uint16).astype(np.int64)
    return Tokens(
        offsets=[0, *np.cumsum(lengths).tolist()],
        told={
            name: _nats(steps, TOKEN_STEPS[name])
            for name, steps in zip(told["names"], table[1:], strict=True)
            if np.any(steps != UNKNOWN)
        },
    )


def _nats(steps: Steps, step: float) -> list[float | None]:
    return [None if each == UNKNOWN else round(each * step, 5) for each in steps.tolist()]

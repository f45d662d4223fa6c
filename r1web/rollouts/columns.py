"""The numbers of many completions as columns: what lists are filtered and sorted by.

Keys are whole numbers of 64 bits. All else is a float of 32 bits, NaN where there is no value;
whole numbers to 16 million are exact.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r1web.rollouts.packing import key_of, squeeze, unpack_numbers, unsqueeze

Array = NDArray[Any]
Columns = dict[str, Array]

KEYS = ("group", "attempt", "prompt", "task")
"""Primary keys of the group and of its attempt, and `key_of` the group's prompt and task."""
OF_GROUP = {
    "group": "pk",
    "attempt": "attempt_id",
    "prompt": "prompt_key",
    "step": "step",
    "place": "index",
    "trained": "trained",
    "policy_version": "policy_version",
    "reward_mean": "reward_mean",
    "task": "task",
    "difficulty": "difficulty",
}
"""Fields of the group that its completions share, by the name of the column."""
OF_COMPLETION = (
    "reward", "advantage", "length", "finish_reason", "logprob_mean", "entropy_mean", "parsed",
    "reflections", "other_script",
)  # fmt: skip
"""What a completion has, besides parts of the reward. `parsed` is 1 where there is an answer."""
NO_TASK = key_of("")
READ = ("size", "scores", *OF_GROUP.values())
"""What `columns_of` is given of each group."""


def columns_of(groups: Sequence[tuple[Any, ...]]) -> Columns:
    """A value for each completion, group by group."""
    sizes = [size for size, *_ in groups]
    shared = zip(*groups, strict=True) if groups else [()] * len(READ)
    _, packed, *fields = shared
    columns: Columns = {"index": _index(sizes)}
    for name, values in zip(OF_GROUP, fields, strict=True):
        given = [_task_key(task) for task in values] if name == "task" else values
        columns[name] = np.repeat(np.array(given, _kind(name)), sizes)
    return columns | _scores(bytes(data) for data in packed)


def _index(sizes: Sequence[int]) -> Array:
    ends = np.cumsum(sizes, dtype=np.int64)
    begins = np.repeat(ends - np.array(sizes, np.int64), sizes)
    return (np.arange(len(begins)) - begins).astype(np.float32)


def _scores(packed: Iterable[bytes]) -> Columns:
    parts = list(unpack_numbers(packed))
    sizes = [len(part["reward"]) for part in parts]
    names = dict.fromkeys([*OF_COMPLETION, *(name for part in parts for name in part)])
    return {
        name: np.concatenate(
            [
                np.empty(0, np.float32),
                *(
                    part[name].astype(np.float32) if name in part else missing(name, size)
                    for part, size in zip(parts, sizes, strict=True)
                ),
            ]
        )
        for name in names
    }


_task_key = lru_cache(maxsize=256)(key_of)


def missing(name: str, size: int) -> Array:
    """The column of a segment that was sealed before there was such a column."""
    return np.full(size, NO_TASK if name == "task" else np.nan, _kind(name))


def _kind(name: str) -> type[np.int64 | np.float32]:
    return np.int64 if name in KEYS else np.float32


def pack_column(column: Array) -> bytes:
    return squeeze(column.tobytes())


def unpack_column(name: str, data: bytes) -> Array:
    return np.frombuffer(unsqueeze(data), _kind(name))

"""Completions as lines of JSON or as Parquet, in the form that supervised training takes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from r1web.parquet import parquet_of
from r1web.rollouts.columns import Array
from r1web.rollouts.models import Completion, Group
from r1web.rollouts.selectors.reading import BATCH, Reader
from r1web.rollouts.selectors.table import Table, read_table
from r1web.rollouts.where import Condition

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
MAPS = ("rewards", "reasons")
"""Columns of values by the name of the part, which Parquet has as maps."""


def chosen(
    *,
    run_id: int,
    conditions: Sequence[Condition],
    attempt: int | None = None,
    superseded: bool = False,
    only: Sequence[tuple[int, int]] | None = None,
) -> tuple[Table, Array]:
    """The run's completions, and for which of them the conditions hold; `only` these, by group and
    place in it."""
    names = {"group", "index", *(condition.column for condition in conditions)}
    table = read_table(run_id=run_id, names=names, attempt=attempt, superseded=superseded)
    matches = table.matching(list(conditions))
    return table, matches if only is None else matches & table.at(only)


def exported_jsonl(table: Table, matches: Array) -> Iterator[bytes]:
    """A line a completion, as they were written; numbers that are none are words."""
    for rows in _batches(table, matches):
        yield b"".join(to_json(row, inf_nan_mode="strings") + b"\n" for row in rows)


def exported_parquet(table: Table, matches: Array) -> Iterator[bytes]:
    """The same as columns; the parts of the reward and their reasons are maps."""
    import pyarrow as pa  # noqa: PLC0415 - large, and seldom wanted

    schema = _schema()
    flat = (
        [{**row, **{name: list(row[name].items()) for name in MAPS}} for row in rows]
        for rows in _batches(table, matches)
    )
    return parquet_of(schema, (pa.Table.from_pylist(rows, schema) for rows in flat))


def _batches(table: Table, matches: Array) -> Iterator[list[Row]]:
    """So few groups at once that little memory is needed, however many there are."""
    groups = table["group"][matches]
    indexes = table["index"][matches].astype(int)
    keys, begins = np.unique(groups, return_index=True)
    pieces = np.split(indexes, begins[1:])  # one that is empty where there is nothing
    of_group = dict(zip(keys.tolist(), pieces, strict=False))
    reader = Reader()
    for begin in range(0, len(keys), BATCH):
        found = reader.read(keys[begin : begin + BATCH].tolist())
        yield [
            _row(group, group.completion(i)) for group in found for i in of_group[group.pk].tolist()
        ]


def _row(group: Group, completion: Completion) -> Row:
    return {
        "prompt": [{"role": "user", "content": group.question}],
        "completion": [{"role": "assistant", "content": completion.text}],
        "text_prompt": group.prompt,
        "answer": group.answer,
        "task": group.task,
        "difficulty": group.difficulty,
        "parsed": completion.parsed,
        "reward": completion.reward,
        "rewards": completion.rewards,
        "reasons": completion.reasons,
        "advantage": completion.advantage,
        "length": completion.length,
        "finish_reason": completion.finish_reason,
        "logprob_mean": completion.logprob_mean,
        "entropy_mean": completion.entropy_mean,
        "run": group.run_id,
        "attempt": group.attempt.number,
        "step": group.step,
        "group": group.index,
        "index": completion.index,
        "policy_version": group.policy_version,
        "trained": group.trained,
        "id": completion.id,
    }


def _schema() -> "pa.Schema":
    import pyarrow as pa  # noqa: PLC0415 - large, and seldom wanted

    text, whole, number = pa.string(), pa.int64(), pa.float64()
    messages = pa.list_(pa.struct([("role", text), ("content", text)]))
    return pa.schema(
        [
            ("prompt", messages), ("completion", messages), ("text_prompt", text), ("answer", text),
            ("task", text), ("difficulty", number), ("parsed", text),
            ("reward", number), ("rewards", pa.map_(text, number)),
            ("reasons", pa.map_(text, text)), ("advantage", number), ("length", whole),
            ("finish_reason", text), ("logprob_mean", number),
            ("entropy_mean", number), ("run", whole), ("attempt", whole), ("step", whole),
            ("group", whole), ("index", whole),
            ("policy_version", whole), ("trained", pa.bool_()), ("id", text),
        ]
    )  # fmt: skip

"""Which sequences go through the model together: best-fit decreasing into a budget of tokens.

Pure arithmetic on lengths. A model that computes a shared prompt once gets a group's completions
as bundles, so that the prompt counts once; a group that is too large is split.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple


class Sequence(NamedTuple):
    """Lengths in tokens; sequences of one group begin with the same prompt."""

    group: int
    prompt: int
    completion: int


def cut(sequences: list[Sequence], budget: int, *, shared: bool) -> list[list[int]]:
    """Numbers of the sequences of each chunk, which has at most `budget` tokens.

    With `shared`, a group's prompt counts once in each chunk that has some of the group. A sequence
    that is longer than the budget goes alone.
    """
    bundles = _bundles(sequences, budget) if shared else [[row] for row in range(len(sequences))]
    sizes = [
        sequences[rows[0]].prompt + sum(sequences[row].completion for row in rows)
        for rows in bundles
    ]
    return [
        [row for number in chunk for row in bundles[number]] for chunk in best_fit(sizes, budget)
    ]


def best_fit(sizes: list[int], room: int) -> list[list[int]]:
    """Numbers of the items of each bin. The largest item comes first, and each goes where it
    leaves the least room; one that is larger than `room` has a bin of its own."""
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # room left and number of each bin, the fullest first
    for item in sorted(range(len(sizes)), key=lambda item: -sizes[item]):
        place = bisect_left(free, (sizes[item], 0))
        left, number = free.pop(place) if place < len(free) else (room, len(bins))
        if number == len(bins):
            bins.append([])
        bins[number].append(item)
        insort(free, (max(0, left - sizes[item]), number))
    return bins


def split_to(chunks: list[list[int]], count: int) -> list[list[int]]:
    """`count` chunks by halving the ones of most sequences; fewer when each has only one left."""
    chunks = list(chunks)
    while chunks and len(chunks) < count:
        place = max(range(len(chunks)), key=lambda place: len(chunks[place]))
        rows = chunks[place]
        if len(rows) == 1:
            break
        chunks[place : place + 1] = [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return chunks


def _bundles(sequences: list[Sequence], budget: int) -> list[list[int]]:
    """Each group's sequences in as few parts as fit into the budget with their prompt."""
    groups: dict[int, list[int]] = {}
    for row, sequence in enumerate(sequences):
        groups.setdefault(sequence.group, []).append(row)
    bundles = []
    for rows in groups.values():
        room = max(1, budget - sequences[rows[0]].prompt)
        parts = best_fit([sequences[row].completion for row in rows], room)
        bundles += [[rows[number] for number in part] for part in parts]
    return bundles

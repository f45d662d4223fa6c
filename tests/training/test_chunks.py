"""Every sequence goes through the model once, in few chunks, none above the budget."""

from hypothesis import given, settings
from hypothesis import strategies as st

from training.chunks import Sequence, best_fit, cut, split_to

GROUPS = st.lists(
    st.tuples(st.integers(1, 30), st.lists(st.integers(1, 60), min_size=1, max_size=8)),
    min_size=1,
    max_size=8,
)


def sequences_of(groups: list[tuple[int, list[int]]]) -> list[Sequence]:
    return [
        Sequence(number, prompt, completion)
        for number, (prompt, completions) in enumerate(groups)
        for completion in completions
    ]


def tokens_of(rows: list[int], sequences: list[Sequence], shared: bool) -> int:
    members = [sequences[row] for row in rows]
    prompts = {each.group: each.prompt for each in members}.values()
    return sum(each.completion for each in members) + (
        sum(prompts) if shared else sum(each.prompt for each in members)
    )


@settings(max_examples=200, derandomize=True, deadline=None)
@given(groups=GROUPS, budget=st.integers(1, 300), shared=st.booleans())
def test_chunks_hold_every_sequence_once_and_keep_to_the_budget(
    groups: list[tuple[int, list[int]]], budget: int, shared: bool
) -> None:
    sequences = sequences_of(groups)
    chunks = cut(sequences, budget, shared=shared)
    assert sorted(row for rows in chunks for row in rows) == list(range(len(sequences)))
    for rows in chunks:
        assert len(rows) == 1 or tokens_of(rows, sequences, shared) <= budget


@settings(max_examples=200, derandomize=True, deadline=None)
@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=60), room=st.integers(50, 200))
def test_bins_are_nearly_as_few_as_the_sum_allows(sizes: list[int], room: int) -> None:
    """Best-fit decreasing takes at most 11/9 of the fewest, and a bin more."""
    assert len(best_fit(sizes, room)) <= 11 / 9 * -(-sum(sizes) // (room - max(sizes) + 1)) + 1


def test_the_fullest_bin_that_has_room_is_taken() -> None:
    assert best_fit([3, 8, 5, 2, 7], 10) == [[1, 3], [4, 0], [2]]


def test_a_groups_prompt_counts_once_where_it_is_shared() -> None:
    sequences = [Sequence(0, 10, 5)] * 4
    assert len(cut(sequences, 30, shared=True)) == 1
    assert len(cut(sequences, 30, shared=False)) == 2


def test_a_group_that_is_too_large_is_split_with_its_prompt() -> None:
    chunks = cut([Sequence(0, 10, 10)] * 5, 30, shared=True)
    assert [len(rows) for rows in chunks] == [2, 2, 1]


def test_a_sequence_longer_than_the_budget_goes_alone() -> None:
    chunks = cut([Sequence(0, 1, 99), Sequence(0, 1, 1), Sequence(0, 1, 1)], 10, shared=True)
    assert sorted(map(len, chunks)) == [1, 2]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(groups=GROUPS, budget=st.integers(1, 300), more=st.integers(0, 20))
def test_a_rank_splits_its_chunks_to_as_many_as_another_has(
    groups: list[tuple[int, list[int]]], budget: int, more: int
) -> None:
    sequences = sequences_of(groups)
    chunks = cut(sequences, budget, shared=True)
    count = len(chunks) + more
    parts = split_to(chunks, count)
    assert len(parts) == min(count, len(sequences))
    assert all(parts)
    assert sorted(row for rows in parts for row in rows) == list(range(len(sequences)))

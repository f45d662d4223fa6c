import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.grpo.advantage import EPS, group_advantages, is_flat


@given(st.integers(2, 12).flatmap(lambda size: st.lists(
    st.lists(st.integers(0, 4).map(lambda n: n / 2), min_size=size, max_size=size),
    min_size=1, max_size=4,
)))  # fmt: skip
def test_advantages_are_the_papers_formula_group_by_group(groups: list[list[float]]) -> None:
    advantages = group_advantages(torch.tensor(groups))
    for group, found in zip(groups, advantages.tolist(), strict=True):
        mean, std = statistics.fmean(group), statistics.stdev(group)
        wanted = [(reward - mean) / (std + EPS) for reward in group]
        assert found == pytest.approx(wanted, abs=1e-6)


def test_a_flat_group_teaches_exactly_nothing() -> None:
    # 0.1 has no exact binary form: subtracting the mean of many leaves dust.
    rewards_PG = torch.full((1, 7), 0.1)
    assert is_flat(rewards_PG).all()
    assert group_advantages(rewards_PG).eq(0).all()


def test_groups_do_not_see_each_other() -> None:
    one = torch.tensor([[0.0, 1.0, 2.0, 1.0]])
    both = torch.cat((one, torch.tensor([[5.0, 5.0, 9.0, 5.0]])))
    assert group_advantages(both)[0].equal(group_advantages(one)[0])

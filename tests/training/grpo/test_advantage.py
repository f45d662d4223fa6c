import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.config import AdvantageScale
from training.grpo.advantage import EPS, advantages, is_flat

SCALES: list[AdvantageScale] = ["group", "batch", "none"]
GROUPS = st.integers(2, 12).flatmap(lambda size: st.lists(
    st.lists(st.integers(0, 4).map(lambda n: n / 2), min_size=size, max_size=size),
    min_size=1, max_size=4,
))  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
@given(groups=GROUPS)
def test_advantages_are_the_formula_group_by_group(
    scale: AdvantageScale, groups: list[list[float]]
) -> None:
    everyone = [reward for group in groups for reward in group]
    found = advantages(torch.tensor(groups), scale).tolist()
    for group, row in zip(groups, found, strict=True):
        over = {
            "group": statistics.stdev(group) + EPS,
            "batch": statistics.stdev(everyone) + EPS,
            "none": 1.0,
        }[scale]
        wanted = [(reward - statistics.fmean(group)) / over for reward in group]
        assert row == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_a_flat_group_teaches_exactly_nothing(scale: AdvantageScale) -> None:
    # 0.1 has no exact binary form: subtracting the mean of many leaves dust.
    rewards_PG = torch.tensor([[0.1] * 7, [0.0, 1.0] * 3 + [0.0]])
    assert is_flat(rewards_PG).tolist() == [True, False]
    assert advantages(rewards_PG, scale)[0].eq(0).all()


@pytest.mark.parametrize("scale", SCALES)
def test_a_completion_nobody_could_score_is_left_out(scale: AdvantageScale) -> None:
    known = torch.tensor([[0.0, 1.0, 2.5], [1.0, 1.0, 0.0]])
    unknown = torch.full((2, 1), math.nan)
    found = advantages(torch.cat((known, unknown), dim=1), scale)
    assert found[:, 3].eq(0).all()
    torch.testing.assert_close(found[:, :3], advantages(known, scale))


@pytest.mark.parametrize("scale", SCALES)
def test_a_group_with_at_most_one_score_teaches_nothing(scale: AdvantageScale) -> None:
    rewards_PG = torch.tensor([[math.nan] * 3, [math.nan, 4.0, math.nan], [0.0, 1.0, 2.0]])
    assert is_flat(rewards_PG).tolist() == [True, True, False]
    found = advantages(rewards_PG, scale)
    assert found[:2].eq(0).all()
    assert found[2].any()


def test_groups_do_not_see_each_other() -> None:
    one = torch.tensor([[0.0, 1.0, 2.0, 1.0]])
    both = torch.cat((one, torch.tensor([[5.0, 5.0, 9.0, 5.0]])))
    assert advantages(both, "group")[0].equal(advantages(one, "group")[0])

"""A step that several ranks share comes to what it comes to on one."""

import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training.pipeline.groups import group_of
from training.config import AdvantageScale, ConfigError, GrpoConfig, resolve
from training.events import CompletionRecord
from training.grpo.portion import Portion
from training.grpo.rollouts import Group, compared, joined, pass_rates
from training.grpo.telling import whole_groups

SCALES: list[AdvantageScale] = ["group", "batch", "none"]
SHAPES = st.one_of(
    # Whole groups: prompts of a rank, ranks, completions.
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(2, 6)).map(
        lambda n: (n[0] * n[1], n[2], n[1])
    ),
    # Shared ones: prompts, ranks of each, completions of a rank.
    st.tuples(st.integers(1, 5), st.integers(2, 6), st.integers(1, 4)).map(
        lambda n: (n[0], n[1] * n[2], n[0] * n[1])
    ),
)
"""Prompts a step, completions of each, ranks: all that may be asked."""


def grpo_of(prompts: int, size: int) -> GrpoConfig:
    return GrpoConfig(prompts_per_step=prompts, group_size=size)


def portions_of(prompts: int, size: int, ranks: int) -> list[Portion]:
    return [Portion.of(grpo_of(prompts, size), rank, ranks) for rank in range(ranks)]


@given(SHAPES)
def test_every_completion_of_a_step_is_some_rank_s_and_no_other_s(
    shape: tuple[int, int, int],
) -> None:
    prompts, size, ranks = shape
    portions = portions_of(*shape)
    theirs = [[(p, m) for p in one.prompts for m in one.members] for one in portions]
    # In the order of the ranks they are in the order of the step: gathering sorts nothing.
    assert [each for mine in theirs for each in mine] == [
        (p, m) for p in range(prompts) for m in range(size)
    ]
    assert {len(each) for each in theirs} == {prompts * size // ranks}
    assert [one.team for one in portions] == [r // one.team_size for r, one in enumerate(portions)]
    assert {(one.teams, one.team_size) for one in portions} == {
        (min(prompts, ranks), max(1, ranks // prompts))
    }


def test_each_of_512_processes_writes_one_of_a_question_s_outputs() -> None:
    for rank, portion in enumerate(portions_of(32, 16, 512)):
        assert list(portion.prompts) == [rank // 16]
        assert list(portion.members) == [rank % 16]


@given(st.integers(1, 12), st.integers(2, 12), st.integers(1, 48))
def test_what_cannot_be_shared_out_is_refused(prompts: int, size: int, ranks: int) -> None:
    asked: dict[str, Any] = {
        "grpo": {"prompts_per_step": prompts, "group_size": size},
        "hardware": {"processes": ranks},
    }
    whole, shared = prompts % ranks == 0, ranks % prompts == 0 and size % (ranks // prompts) == 0
    if whole or shared:
        config = resolve(None, asked).config
        assert config.team_size == Portion.of(config.grpo, 0, ranks).team_size
    else:
        with pytest.raises(ConfigError) as error:
            resolve(None, asked)
        (problem,) = error.value.problems
        divides = ranks % prompts == 0
        assert problem.path == ("grpo.group_size" if divides else "grpo.prompts_per_step")


def alone(values: Tensor) -> Tensor:
    return values


def on_all(portions: list[Portion], groups: list[list[Group]], work: Callable[..., Any]) -> Any:
    """What `work(groups, portion, sum_ranks)` gives on each rank, one after the other."""
    summed: list[Tensor] = []

    def note(mine: Tensor) -> Tensor:
        summed.append(mine)
        return mine

    for portion, mine in zip(portions, groups, strict=True):
        work(mine, portion, note)
    total = torch.stack(summed).sum(0)
    return [
        work(mine, portion, lambda _: total) for portion, mine in zip(portions, groups, strict=True)
    ]


def whole_step(prompts: int, size: int, rewards: list[float | None], right: str) -> list[Group]:
    """Groups whose completions are told apart by text, length and reward."""
    groups = []
    for number in range(prompts):
        row = slice(number * size, (number + 1) * size)
        texts = [f"{number}/{member}" for member in range(size)]
        lengths = [1 + member for member in range(size)]
        one = group_of(texts, rewards[row], lengths, right[row])
        groups.append(replace(one, number=number, policy_version=number))
    return groups


def part_of(group: Group, portion: Portion) -> Group:
    members = slice(portion.members.start, portion.members.stop)
    return replace(
        group, completions=group.completions[members], texts=group.texts[members],
        rewards=group.rewards[members], advantages=group.advantages[members],
    )  # fmt: skip


STEPS = SHAPES.flatmap(lambda shape: st.tuples(
    st.just(shape),
    st.lists(
        st.none() | st.integers(0, 4).map(lambda n: n / 10),
        min_size=shape[0] * shape[1], max_size=shape[0] * shape[1],
    ),
    st.text("yn", min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]),
))  # fmt: skip


@pytest.mark.parametrize("scale", SCALES)
@given(STEPS)
def test_advantages_and_pass_rates_are_those_of_whole_groups(
    scale: AdvantageScale, step: tuple[tuple[int, int, int], list[float | None], str]
) -> None:
    (prompts, size, ranks), rewards, right = step
    groups = whole_step(prompts, size, rewards, right)
    one, portions = portions_of(prompts, size, 1)[0], portions_of(prompts, size, ranks)
    expected = compared(groups, scale, one, alone)
    shared = [
        [part_of(groups[place], portion) for place in portion.prompts] for portion in portions
    ]
    found = on_all(portions, shared, lambda mine, *rest: compared(mine, scale, *rest))

    told: list[tuple[Group, list[CompletionRecord], bool]] = [
        (part, [], True) for rank in found for part in rank
    ]
    assert [group for group, _, _ in whole_groups(told)] == expected
    unknown = [[reward.total is None for reward in group.rewards] for group in expected]
    for group, row in zip(expected, unknown, strict=True):
        assert not any(a for a, none in zip(group.advantages, row, strict=True) if none)
        assert not any(map(math.isnan, group.advantages))

    items: list[Any] = []

    def share(mine: Any) -> list[Any]:
        items.extend(pickle.loads(pickle.dumps(mine)))
        return items

    for mine in shared:
        rates = pass_rates(mine, share)
    assert rates == pass_rates(groups, list)
    assert [rate.pass_rate for rate in rates] == [
        right[n * size : (n + 1) * size].count("y") / size for n in range(prompts)
    ]


def test_a_group_of_which_no_answer_could_be_judged_has_no_pass_rate() -> None:
    known, unknown = (group_of(["a", "b"], [1.0, 0.0], right="yn") for _ in range(2))
    nothing = [replace(reward, parts={"accuracy": None}) for reward in unknown.rewards]
    groups = [replace(unknown, rewards=nothing, number=1), replace(known, number=2)]
    half = [replace(known, rewards=[nothing[0], known.rewards[0]], number=3)]
    assert [one.pass_rate for one in pass_rates([*groups, *half], list)] == [0.5, 1.0]


def test_parts_are_joined_with_what_the_policy_had_made_of_them() -> None:
    (whole,) = whole_step(1, 4, [0.0, 1.0, 2.0, 3.0], "ynyn")
    whole = replace(
        whole, advantages=[0.1, 0.2, 0.3, 0.4], old_logprobs=[[-1.0], [-2.0] * 2, [-3.0] * 3, []]
    )
    parts = [
        replace(part_of(whole, portion), old_logprobs=whole.old_logprobs[members])
        for portion in portions_of(1, 4, 2)
        if whole.old_logprobs
        for members in [slice(portion.members.start, portion.members.stop)]
    ]
    assert len(parts) == 2
    assert joined(parts) == whole

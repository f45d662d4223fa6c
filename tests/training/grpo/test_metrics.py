import pytest
import torch

from training.events import CompletionRecord
from training.grpo.metrics import expert_load, rollout_metrics, wilson_interval


def completion(reward: float, accuracy: float, length: int, ended: bool = True) -> CompletionRecord:
    return CompletionRecord(
        text="", reward=reward, rewards={"accuracy": accuracy, "format": reward - accuracy},
        advantage=0.0, length=length, finish_reason="stop" if ended else "length",
        logprob_mean=-1.0,
    )  # fmt: skip


def test_rollouts_are_summed_up() -> None:
    values = rollout_metrics(
        [
            [completion(2, 1, 10), completion(2, 1, 20)],
            [completion(1, 0, 30), completion(0, 0, 64, ended=False)],
        ]
    )
    assert values["reward/mean"] == 1.25
    assert values["reward/group_max_mean"] == 1.5
    assert values["reward/accuracy"] == 0.5
    assert values["reward/format"] == 0.75
    assert values["completion/length_mean"] == 31
    assert values["completion/length_max"] == 64
    assert values["completion/truncated"] == 0.25
    assert values["groups/flat"] == 0.5
    assert values["groups/solved_all"] == 0.5
    assert values["groups/solved_none"] == 0.5


def test_expert_load_is_one_when_even_and_their_number_when_one_takes_all() -> None:
    assert expert_load(torch.tensor([[5, 5, 5, 5]])) == 1
    assert expert_load(torch.tensor([[20, 0, 0, 0], [5, 5, 5, 5]])) == 2.5


def test_interval_is_wilsons() -> None:
    # As statsmodels gives it: proportion_confint(8, 10, method="wilson").
    assert wilson_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)


@pytest.mark.parametrize(("right", "total"), [(0, 5), (5, 5)])
def test_interval_stays_within_zero_and_one(right: int, total: int) -> None:
    low, high = wilson_interval(right, total)
    assert 0 <= low <= right / total <= high <= 1

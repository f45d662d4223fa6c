import math

import pytest
import torch

from training.distributed.process import Process
from training.events import CompletionRecord
from training.grpo.metrics import (
    Silence,
    expert_load,
    extra_losses,
    reward_warnings,
    rollout_metrics,
    update_metrics,
)
from training.grpo.tally import Tally


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
    assert values["reward/accuracy_std"] == 0.5
    assert values["reward/errors"] == values["reward/timeouts"] == 0
    assert values["reward/format"] == 0.75
    assert values["completion/length_mean"] == 31
    assert values["completion/length_min"] == 10
    assert values["completion/length_max"] == 64
    assert values["completion/ended_length_mean"] == 20
    assert values["completion/ended_length_min"] == 10
    assert values["completion/ended_length_max"] == 30
    assert values["completion/truncated"] == 0.25
    assert values["groups/flat"] == 0.5
    assert values["groups/solved_all"] == 0.5
    assert values["groups/solved_none"] == 0.5


def unscored(reason: str) -> CompletionRecord:
    kept = completion(math.nan, 1, 10).model_dump() | {"rewards": {"format": 1.0}}
    return CompletionRecord(**kept | {"reward_errors": {"accuracy": reason}})


def test_what_could_not_be_scored_is_counted_and_left_out() -> None:
    late, broken = unscored("timed out after 10 s"), unscored("ValueError: x")
    groups = [[completion(2, 1, 10), late], [late, broken]]
    values = rollout_metrics(groups)
    assert values["reward/mean"] == values["reward/group_max_mean"] == 2
    assert values["reward/accuracy"] == values["reward/format"] == 1
    assert (values["reward/errors"], values["reward/timeouts"]) == (3, 2)
    assert values["groups/flat"] == 1
    assert values["groups/solved_all"] == 0
    (warning,) = reward_warnings(groups)
    assert warning == (
        "2 times the reward “accuracy” could not be computed (timed out after 10 s), and 1 for "
        "other reasons."
    )


def test_a_step_without_any_score_has_no_mean() -> None:
    values = rollout_metrics([[unscored("x"), unscored("x")]])
    assert math.isnan(values["reward/mean"])
    assert math.isnan(values["reward/accuracy"])
    assert values["reward/errors"] == 2


def test_nothing_is_said_when_all_was_scored() -> None:
    assert reward_warnings([[completion(2, 1, 10)]]) == []


def test_no_length_of_ended_completions_where_none_ended() -> None:
    values = rollout_metrics([[completion(1, 1, 8, ended=False), completion(0, 0, 8, ended=False)]])
    assert not [name for name in values if "ended" in name]


@pytest.mark.parametrize(
    ("accuracies", "word"), [([1, 1], "harder"), ([0, 0], "easier"), ([1, 0], "group_size")]
)
def test_a_step_that_teaches_nothing_is_said_once_a_streak(
    accuracies: list[float], word: str
) -> None:
    flat = rollout_metrics([[completion(a, a, 5), completion(a, a, 5)] for a in accuracies])
    lively = rollout_metrics([[completion(1, 1, 5), completion(0, 0, 5)]])
    silence = Silence()
    said = [silence.warnings(values) for values in (lively, flat, flat, lively, flat)]
    assert [len(warnings) for warnings in said] == [0, 1, 0, 0, 1]
    assert "nothing can be learned" in said[1][0]
    assert word in said[1][0]


def test_expert_load_is_one_when_even_and_their_number_when_one_takes_all() -> None:
    assert expert_load(torch.tensor([[5, 5, 5, 5]])) == {
        "moe/load_max_over_mean": 1, "moe/load_min_over_mean": 1, "moe/dead_experts": 0,
    }  # fmt: skip
    assert expert_load(torch.tensor([[20, 0, 0, 0], [6, 3, 7, 4]])) == {
        "moe/load_max_over_mean": 2.7, "moe/load_min_over_mean": 0.3, "moe/dead_experts": 3,
    }  # fmt: skip


def test_layers_that_did_not_run_have_no_load() -> None:
    counts_LE = torch.tensor([[2, 6], [0, 0]])
    assert expert_load(counts_LE) == expert_load(counts_LE[:1])
    assert expert_load(counts_LE[1:]) == expert_load(torch.zeros(0, 0, dtype=torch.int64)) == {}


def test_losses_beside_grpos_are_told_where_they_were_computed() -> None:
    assert extra_losses({"tokens": 4.0, "loss": 1.0}) == {}
    totals = {"tokens": 4.0, "mtp": 10.0, "balance": 3.5}
    assert extra_losses(totals) == {"mtp/loss": 2.5, "moe/balance_loss": 3.5}


def test_the_updates_metrics_are_means_and_extremes() -> None:
    tally = Tally()
    tally.add({name: torch.tensor(value) for name, value in {
        "loss": 0.5, "policy": 0.25, "kl": 4.0, "entropy": 6.0, "tokens": 8, "clip_low": 1,
        "clip_high": 3, "sampler_difference": 2.0, "ratios": 2, "ratio": 5.0, "weight": 3.0,
        "bounded": 1,
    }.items()})  # fmt: skip
    tally.spread("sampler_ratio", torch.tensor([1.0, 4.0]))
    tally.spread("sampler_difference", torch.zeros(0))
    process = Process("cpu")
    try:
        values = update_metrics(tally.over_ranks(process))
    finally:
        process.close()
    assert values == {
        "optim/loss": 0.5, "optim/policy_loss": 0.25, "kl/mean": 0.5, "entropy/mean": 0.75,
        "clip/fraction": 0.5, "clip/low_mean": 0.125, "clip/high_mean": 0.375,
        "sampler/logprob_diff_mean": 0.25, "sampler/ratio_mean": 2.5, "sampler/weight_mean": 1.5,
        "sampler/bounded": 0.5, "sampler/ratio_min": 1.0, "sampler/ratio_max": 4.0,
    }  # fmt: skip

"""One rank of a job that gives TRL's own GRPOTrainer and our loss the same completions.

Called as: trl_worker.py OUT. Only the model is left out: log-probabilities, rewards and masks are
fixed; sampling, scoring, advantages, corrections, slices and losses are TRL's own code.
Rank 0 writes for each case both sides' advantages, loss and gradient to the log-probabilities, and
the names of the metrics that TRL has logged.

N completions of all ranks, T time.
"""

import itertools
import logging
import os
import sys
import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tests.training.grpo.cases import grpo_config
from training.config import AdvantageScale, GrpoConfig
from training.distributed.process import Process
from training.grpo.advantage import advantages
from training.grpo.aggregation import Whole
from training.grpo.loss import Scored, part_loss

GROUP, LONGEST, FIRST_TOKEN = 4, 6, 3
LENGTHS = [5, 1, 3, 6, 2, 2, 4, 6, 1, 6, 3, 3, 5, 4, 2, 1]
NONE = float("nan")
# A group of all kinds, one with a completion nobody could score, a flat one, one with one score.
REWARDS = [0.0, 1.0, 2.5, 1.0, NONE, 2.0, 0.5, 0.5, 1.5, 1.5, 1.5, 1.5, NONE, NONE, 3.0, NONE]
KL_COEF = 0.04
CORRECTIONS: list[dict[str, Any] | None] = [
    None,
    {"level": "token", "mode": "truncate", "max": 1.2},
    {"level": "token", "mode": "mask", "max": 1.2, "min": 0.8},
    {"level": "sequence", "mode": "truncate", "max": 1.2},
    {"level": "sequence", "mode": "mask", "max": 1.5, "min": 0.6},
]
SCALES: list[AdvantageScale] = ["group", "batch", "none"]
ACCUMULATIONS = [1, 2, 4]
LOSSES: dict[str, dict[str, Any]] = {
    "grpo": {"loss_type": "grpo", "epsilon": 0.2},
    "dr_grpo": {"loss_type": "dr_grpo", "epsilon": 0.2},
    "dapo": {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28},
    "gspo": {
        "loss_type": "grpo", "importance_sampling_level": "sequence",
        "epsilon": 0.1, "epsilon_high": 0.15,
    },
    "cispo": {"loss_type": "cispo", "epsilon_high": 1.3},
}  # fmt: skip


@dataclass(frozen=True)
class Given:
    """Log-probabilities that fp32 can hold, for TRL rounds the sampler's."""

    present_NT: Tensor
    old_NT: Tensor
    sampled_NT: Tensor
    ref_NT: Tensor

    @classmethod
    def draw(cls) -> "Given":
        generator = torch.Generator().manual_seed(0)

        def draw() -> Tensor:
            return torch.rand(len(LENGTHS), LONGEST, generator=generator)

        present_NT = -3 * draw()
        old_NT = present_NT + draw() - 0.5
        tables = (present_NT, old_NT, old_NT + draw() - 0.5, -3 * draw())
        return cls(*(table.double() for table in tables))


def cases() -> list[tuple[str, AdvantageScale, int, int]]:
    """Variant, scale, correction's number and gradient accumulation; scales take turns."""
    scales = itertools.cycle(SCALES)
    return [
        (variant, next(scales), number, accumulation)
        for variant in LOSSES
        for number in range(len(CORRECTIONS))
        for accumulation in ACCUMULATIONS
    ]


class Theirs:
    """TRL's trainer, for a share of the completions."""

    def __init__(self, given: Given, process: Process) -> None:
        from datasets import Dataset  # noqa: PLC0415 - slow, and only the worker needs it
        from tokenizers import Tokenizer  # noqa: PLC0415
        from tokenizers.models import WordLevel  # noqa: PLC0415
        from transformers import (  # noqa: PLC0415
            LlamaConfig,
            LlamaForCausalLM,
            PreTrainedTokenizerFast,
        )

        words = {"<pad>": 0, "<eos>": 1, "a": 2}
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(WordLevel(words, unk_token="a")),
            pad_token="<pad>", eos_token="<eos>",
        )  # fmt: skip
        shape = LlamaConfig(
            vocab_size=32, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
            num_attention_heads=1, num_key_value_heads=1,
        )  # fmt: skip
        self.model = LlamaForCausalLM(shape)
        self.dataset = Dataset.from_dict({"prompt": [str(row) for row in range(len(LENGTHS))]})
        self.given, self.process = given, process
        share = len(LENGTHS) // process.world_size
        self.rows = range(process.rank * share, (process.rank + 1) * share)
        self.metrics: set[str] = set()
        """Names of all that the trainers have logged."""

    def __call__(
        self, variant: str, scale: AdvantageScale, number: int, accumulation: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        present_NT = self.given.present_NT.clone().requires_grad_()
        trainer = self._trainer(variant, scale, number, accumulation)
        self._give(trainer, present_NT)
        loss = torch.zeros((), dtype=torch.float64)
        advantages_N = torch.zeros(len(LENGTHS))
        for _ in range(accumulation):
            inputs = trainer._prepare_inputs([{"prompt": str(row)} for row in self.rows])
            trainer._step += 1
            share = trainer._compute_loss(trainer.model, inputs)
            share.backward()
            loss += share.detach()
            advantages_N[inputs["prompt_ids"][:, -1] - FIRST_TOKEN] = inputs["advantages"]
        self.metrics |= trainer._metrics["train"].keys()
        assert present_NT.grad is not None
        # What DDP does with the ranks' gradients is to average them.
        ranks = self.process.world_size
        return advantages_N, loss / ranks, present_NT.grad / ranks

    def _trainer(self, variant: str, scale: AdvantageScale, number: int, accumulation: int) -> Any:
        from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

        correction = CORRECTIONS[number]
        asked: dict[str, Any] = {}
        if correction is not None:
            asked = {
                "vllm_importance_sampling_mode": f"{correction['level']}_{correction['mode']}",
                "vllm_importance_sampling_clip_max": correction["max"],
                "vllm_importance_sampling_clip_min": correction.get("min"),
            }
        settings = GRPOConfig(
            output_dir=tempfile.gettempdir(), report_to=[], use_cpu=True, bf16=False,
            per_device_train_batch_size=len(self.rows) // accumulation,
            gradient_accumulation_steps=accumulation, steps_per_generation=accumulation,
            num_generations=GROUP, max_completion_length=LONGEST, scale_rewards=scale,
            # Twice over the same batch, for otherwise the ratio is 1 and nothing is clipped.
            num_iterations=2, use_bias_correction_kl=False, **LOSSES[variant], **asked,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=self.model, args=settings, train_dataset=self.dataset,
            processing_class=self.tokenizer, reward_funcs=reward, rollout_func=self._rollout,
        )  # fmt: skip
        # Asked for in the settings, these would start vLLM and load a reference model.
        trainer.use_vllm = correction is not None
        trainer.beta, trainer.ref_model = KL_COEF, object()
        trainer._last_loaded_step = trainer.state.global_step
        trainer.current_gradient_accumulation_steps = accumulation
        trainer.model.train()
        return trainer

    def _give(self, trainer: Any, present_NT: Tensor) -> None:
        """Let the trainer find these log-probabilities where it would ask the model."""

        def logprobs(
            model: Any, tokens_BT: Tensor, _: Tensor, time: int, **__: Any
        ) -> tuple[Tensor, Tensor, None]:
            rows_B = tokens_BT[:, -time - 1] - FIRST_TOKEN
            table_NT = present_NT
            if not torch.is_grad_enabled():
                reference = model is trainer.ref_model
                table_NT = self.given.ref_NT if reference else self.given.old_NT
            found_BT = table_NT[rows_B, :time]
            return found_BT, torch.zeros_like(found_BT), None

        trainer._get_per_token_logps_and_entropies = logprobs

    def _rollout(self, prompts: list[str], _: Any) -> dict[str, list[Any]]:
        rows = [int(prompt) for prompt in prompts]
        sampled = self.given.sampled_NT
        return {
            "prompt_ids": [[FIRST_TOKEN + row] for row in rows],
            "completion_ids": [[2] * LENGTHS[row] for row in rows],
            "logprobs": [sampled[row, : LENGTHS[row]].tolist() for row in rows],
        }


def reward(prompts: list[str], **_: Any) -> list[float | None]:
    known = [REWARDS[int(prompt)] for prompt in prompts]
    return [None if value != value else value for value in known]  # noqa: PLR0124 - NaN


def ours(
    given: Given, config: GrpoConfig, accumulation: int, process: Process
) -> tuple[Tensor, Tensor, Tensor]:
    present_NT = given.present_NT.clone().requires_grad_()
    share = len(LENGTHS) // process.world_size
    first = process.rank * share
    all_N = advantages(torch.tensor(REWARDS).view(-1, GROUP), config.loss.advantage_scale).flatten()
    advantages_N = torch.zeros(len(LENGTHS))
    advantages_N[first : first + share] = all_N[first : first + share]
    mask_NT = torch.arange(LONGEST) < torch.tensor(LENGTHS)[:, None]
    counts = torch.tensor([share, int(mask_NT[first : first + share].sum())])
    whole = Whole(*process.sum(counts).tolist(), longest=LONGEST)
    loss = torch.zeros((), dtype=torch.float64)
    size = share // accumulation
    for start in range(first, first + share, size):
        rows = slice(start, start + size)
        part, _ = part_loss(
            Scored(
                present_NT[rows], given.old_NT[rows], given.sampled_NT[rows], given.ref_NT[rows],
                advantages_N[rows], mask_NT[rows],
            ),
            config, whole,
        )  # fmt: skip
        part.backward()
        loss += part.detach()
    assert present_NT.grad is not None
    return advantages_N, loss, present_NT.grad


def main() -> None:
    os.environ.update(ACCELERATE_USE_CPU="true", HF_HUB_OFFLINE="1")
    # Theirs to mend: deprecations and advice that their imports and constructor give.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    process = Process("cpu")
    given = Given.draw()
    theirs, found = Theirs(given, process), []
    for variant, scale, number, accumulation in cases():
        config = grpo_config(
            variant, advantage_scale=scale, correction=CORRECTIONS[number], kl_coef=KL_COEF
        )
        sides = [
            [process.sum(value) for value in side]
            for side in (
                theirs(variant, scale, number, accumulation),
                ours(given, config, accumulation, process),
            )
        ]
        found.append(sides)
    if process.is_main:
        torch.save({"sides": found, "metrics": sorted(theirs.metrics)}, sys.argv[1])
    process.close()


if __name__ == "__main__":
    main()

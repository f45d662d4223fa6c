"""The gradients of supervised fine-tuning and of reward models are those of their losses,
however the sequences are packed into chunks."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tolerance import GRADIENT, relative_difference
from tests.training.grpo.plain_engine import PlainEngine
from tests.training.pipeline.groups import group_of
from training.config import RewardModelStageConfig, RunConfig
from training.model import Transformer, completion_logprobs, policy
from training.model.value import ValueModel
from training.preference.pairs import Pair
from training.preference.work import RewardModelWork
from training.reward_model import graded_tokens
from training.sft.data import Example
from training.sft.work import SftWork

EXAMPLES = [
    Example([1, 5, 6], [7, 8, 9, 2]), Example([1, 5], [2]), Example([1, 9, 9, 4], [5, 6, 2]),
    Example([1, 5, 6], [9, 2]),
]  # fmt: skip


def model_of(directory: Path) -> Transformer:
    torch.manual_seed(0)
    model = policy.load(directory, torch.float32)
    assert isinstance(model, Transformer)
    return model


def setup_of(engine: Any, chunk_tokens: int) -> Any:
    config = RunConfig.model_validate({
        "hardware": {"chunk_tokens": chunk_tokens}, "optim": {"mtp_weight": 0.0},
    })  # fmt: skip
    engine.process.device = torch.device("cpu")
    return SimpleNamespace(config=config, process=engine.process)


def gradients(model: torch.nn.Module) -> Tensor:
    found = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.cat([gradient.flatten().double() for gradient in found])


@pytest.mark.parametrize("chunk_tokens", [1, 12, 1000])
def test_fine_tuning_learns_the_mean_over_all_tokens(tiny_model: Path, chunk_tokens: int) -> None:
    model = model_of(tiny_model)
    engine: Any = PlainEngine(model)
    work: Any = object.__new__(SftWork)
    work.engine, work._setup = engine, setup_of(engine, chunk_tokens)
    tally = work._backward(EXAMPLES)

    exact = model_of(tiny_model).double()
    total = torch.zeros((), dtype=torch.float64)
    for example in EXAMPLES:
        tokens_1T = torch.tensor([[*example.prompt, *example.completion]])
        scored_1T = torch.arange(tokens_1T.shape[1])[None] >= len(example.prompt)
        everything_1T = torch.ones_like(scored_1T)
        found = completion_logprobs(exact, tokens_1T, everything_1T, scored_1T)
        total = total - found.logprobs_BT.sum()
    count = sum(len(example.completion) for example in EXAMPLES)
    (total / count).backward()
    assert tally.sums["loss"] == pytest.approx(float(total.detach()) / count, rel=1e-5)
    assert (tally.sums["tokens"], tally.sums["sequences"]) == (count, len(EXAMPLES))
    assert relative_difference(gradients(model), gradients(exact)) < GRADIENT[torch.float32]


class _ScoringEngine(PlainEngine):
    """Of a model whose own forward pass trains."""

    def __call__(self, *inputs: Tensor) -> Tensor:
        found: Tensor = self.model(*inputs)
        return found


@pytest.mark.parametrize("chunk_tokens", [1, 60, 1000])
def test_a_reward_model_learns_from_pairs_that_chunks_cut_apart(
    tiny_model: Path, chunk_tokens: int
) -> None:
    from transformers import AutoTokenizer  # noqa: PLC0415 - takes seconds

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    texts = ["<answer>2</answer>", "<answer>3</answer>", "<think>1</think><answer>4</answer>"]
    pairs = [
        (group_of(texts, [1.0, 0.0, 0.0]), Pair(0, 1)),
        (group_of(texts, [0.0, 0.0, 1.0]), Pair(2, 0)),
    ]

    def value_of(dtype: torch.dtype) -> ValueModel:
        model = ValueModel(model_of(tiny_model))
        torch.manual_seed(1)
        torch.nn.init.normal_(model.score.weight)
        return model.to(dtype)

    model: Any = value_of(torch.float32)
    engine: Any = _ScoringEngine(model)
    work: Any = object.__new__(RewardModelWork)
    work.engine, work._tokenizer = engine, tokenizer
    work._setup = setup_of(engine, chunk_tokens)
    work._stage = RewardModelStageConfig(reads="completion")
    tally, some = work._backward(pairs)

    exact = value_of(torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for group, pair in pairs:
        rows = [
            graded_tokens(tokenizer, group.problem.question, group.texts[number], "completion")
            for number in pair
        ]
        better, worse = (_in_double(exact, torch.tensor([row])) for row in rows)
        total = total - (better - worse).sigmoid().log()
    (total / len(pairs)).backward()
    assert some
    assert tally.sums["loss"] == pytest.approx(float(total.detach()) / len(pairs), rel=1e-5)
    assert relative_difference(gradients(model), gradients(exact)) < GRADIENT[torch.float32]


def _in_double(model: ValueModel, tokens_1T: Tensor) -> Tensor:
    """The score without the cut to fp32 at the end."""
    hidden_1TD = model.trunk(tokens_1T)
    score: Tensor = model.score(hidden_1TD[0, -1])[0]
    return score


def test_without_a_pair_nothing_is_learned(tiny_model: Path) -> None:
    engine: Any = _ScoringEngine(ValueModel(model_of(tiny_model)))  # type: ignore[arg-type]
    work: Any = object.__new__(RewardModelWork)
    work.engine, work._setup = engine, setup_of(engine, 100)
    tally, some = work._backward([])
    assert not some
    assert tally.sums["pairs"] == 0
    assert all(p.grad is None for p in engine.model.parameters())

"""Packed sequences give the loss and the gradient of one sequence at a time."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from kernels.buckets import bucket
from tests.tolerance import PACKED, relative_difference
from tests.training.model.random_models import build
from tests.training.other_models import network, padded
from training.config import RunConfig
from training.grpo.rollouts import Group
from training.grpo.step import make_minibatch, update
from training.grpo.telling import Seen
from training.model import ModelConfig, Policy, completion_logprobs
from training.model.causal_lm import CausalLM
from training.model.rows import pack_rows
from training.rollout import Completion
from training.tasks import Problem

PROMPTS, GROUP_SIZE = 3, 5
WHOLE, ALONE = 10_000, 1
"""Budgets of tokens: for all sequences at once, and for none beside another."""


class _PlainEngine:
    """Backward passes without DeepSpeed; another rank may have more chunks."""

    def __init__(self, model: Policy, others: int = 0) -> None:
        self.model = self.policy = model
        self.chunks = 0
        self.process = SimpleNamespace(
            sum=lambda values: values, max=lambda values: values.clamp(min=others)
        )

    def logprobs(self, *batch: Any, **asked: Any) -> Any:
        self.chunks += 1
        return completion_logprobs(self.model, *batch, **asked)

    def backward(self, loss: Tensor, **_: bool) -> None:
        loss.backward()

    def step(self, _: float) -> SimpleNamespace:
        return SimpleNamespace(grad_norm=0.0, skipped=False)


def _groups() -> list[Group]:
    generator = torch.Generator().manual_seed(0)

    def some(least: int, most: int) -> list[int]:
        count = int(torch.randint(least, most, (1,), generator=generator))
        return torch.randint(0, 97, (count,), generator=generator).tolist()

    groups = []
    for _ in range(PROMPTS):
        members = [some(1, 20) for _ in range(GROUP_SIZE)]
        completions = [Completion(tokens, [-4.0] * len(tokens), "stop") for tokens in members]
        advantages = torch.randn(GROUP_SIZE, generator=generator).tolist()
        groups.append(Group(Problem("", ""), "", some(2, 9), completions, [], [], advantages))
    return groups


def _update(
    model: Policy, budget: int, others: int = 0, **optim: float
) -> tuple[float, Tensor, _PlainEngine, Seen]:
    """Loss and gradient (all parameters in one row), with reference and KL."""
    run = RunConfig.model_validate({
        "grpo": {"prompts_per_step": PROMPTS, "group_size": GROUP_SIZE, "kl_coef": 0.1},
        "hardware": {"chunk_tokens": budget},
        "optim": {"mtp_weight": 0, "balance_loss": 0, **optim},
    })  # fmt: skip
    made = _PlainEngine(model, others)
    engine: Any = made
    batch = make_minibatch(_groups(), torch.device("cpu"))
    reference = build(model.config) if not isinstance(model, CausalLM) else _llama()
    _, tally, seen = update(engine, batch, reference.eval(), run, 0.0, longest=20)
    gradient = torch.cat([each.grad.flatten() for each in model.parameters()])
    return tally.sums["loss"], gradient, made, seen


def _llama() -> CausalLM:
    return CausalLM(network("llama")).train()


def _model(kind: str, config: ModelConfig) -> Policy:
    return build(config).train() if kind == "ours" else _llama()


@pytest.mark.parametrize("budget", [WHOLE, 60])
@pytest.mark.parametrize("kind", ["ours", "llama"])
def test_loss_and_gradient_are_those_of_one_sequence_at_a_time(
    kind: str, budget: int, config: ModelConfig
) -> None:
    loss, gradient, engine, seen = _update(_model(kind, config), budget)
    wanted, exact, alone, one_by_one = _update(_model(kind, config), ALONE)
    assert seen.difference_BT is not None
    assert one_by_one.difference_BT is not None
    assert relative_difference(seen.entropy_BT, one_by_one.entropy_BT) < PACKED
    assert relative_difference(seen.difference_BT, one_by_one.difference_BT) < PACKED
    assert alone.chunks == PROMPTS * GROUP_SIZE > engine.chunks
    assert loss == pytest.approx(wanted, abs=PACKED)
    assert relative_difference(gradient, exact) < PACKED


def test_rows_of_other_models_hold_hardly_any_padding() -> None:
    """Lengths 14, 11, 9 and 5: 39 tokens in 42 places, not 56; nobody sees another's tokens."""
    tokens_BT, mask_BT, _ = padded("left")
    rows = pack_rows(tokens_BT, mask_BT)
    assert rows.tokens_RS.shape == (3, 14)
    assert torch.equal(rows.tokens_RS.flatten()[rows.places_BT[mask_BT]], tokens_BT[mask_BT])
    model = CausalLM(network("mistral"))  # its window keeps it from sharing prompts
    assert model.packs
    assert not model.shares
    changed_BT = tokens_BT.clone()
    changed_BT[1] = (changed_BT[1] + 1) % 97
    scored_BT = mask_BT & (mask_BT.cumsum(1) > 1)
    before, after = (
        completion_logprobs(model, each_BT, mask_BT, scored_BT).logprobs_BT.detach()
        for each_BT in (tokens_BT, changed_BT)
    )
    assert not torch.equal(before[1], after[1])
    assert torch.equal(before[[0, 2, 3]], after[[0, 2, 3]])


def test_a_model_without_positions_to_give_is_not_packed() -> None:
    model = CausalLM(network("bloom", hidden_size=32, n_layer=2, n_head=4))
    assert not model.packs
    assert not model.shares


@pytest.mark.parametrize("model_type", ["llama", "qwen2", "qwen3", "gpt2", "qwen3_moe", "granite"])
def test_other_models_compute_a_shared_prompt_once(model_type: str) -> None:
    model = CausalLM(network(model_type))
    tokens_BT, met = torch.arange(4 * 14).view(4, 14), []
    tokens_BT[:, :9] = torch.arange(9)
    model.network.get_input_embeddings().register_forward_hook(
        lambda _, inputs, __: met.append(inputs[0].numel())
    )
    scored_BT = torch.ones_like(tokens_BT).cumsum(1) > 9
    together, *alone = (
        completion_logprobs(
            model, tokens_BT[rows], torch.ones_like(tokens_BT[rows]), scored_BT[rows]
        )
        for rows in (slice(None), *([row] for row in range(4)))
    )
    assert met[0] == bucket(9 + 4 * 5) < 4 * 14
    one_by_one_BT = torch.cat([each.logprobs_BT for each in alone])
    assert relative_difference(together.logprobs_BT, one_by_one_BT) < PACKED


@pytest.mark.parametrize("kind", ["ours", "llama"])
def test_a_rank_with_fewer_chunks_makes_as_many_and_learns_the_same(
    kind: str, config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks are split while they can be; the rest only take part, and change nothing."""
    several, chunks = PROMPTS * GROUP_SIZE + 2, []
    monkeypatch.setattr(
        _PlainEngine, "take_part", lambda self, *_, **__: chunks.append(self), raising=False
    )
    loss, gradient, engine, _ = _update(_model(kind, config), WHOLE, others=several)
    assert engine.chunks + len(chunks) == several
    wanted, exact, _, _ = _update(_model(kind, config), WHOLE)
    assert loss == pytest.approx(wanted, abs=PACKED)
    assert relative_difference(gradient, exact) < PACKED

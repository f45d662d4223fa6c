"""The sequence-wise balance loss is the report's formula, sequence by sequence."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.tolerance import GRADIENT, RELATIVE, relative_difference
from tests.training.model.random_models import build
from training.model import ModelConfig, Transformer, completion_logprobs
from training.model.router import Router

FP32 = torch.float32
PROMPTS = [[5, 6, 7, 8], [9, 6], [11]]
GROUP = 4


def _softmax(config: ModelConfig) -> ModelConfig:
    return replace(config, scoring_func="softmax", topk_method="greedy", norm_topk_prob=False)


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    """Groups that share a prompt, with completions of 1 to 8 tokens, right-padded."""
    generator = torch.Generator().manual_seed(0)
    starts = [prompt for prompt in PROMPTS for _ in range(GROUP)]
    rows = [
        start + torch.randint(0, 97, (1 + (3 * row) % 8,), generator=generator).tolist()
        for row, start in enumerate(starts)
    ]
    longest = max(map(len, rows))
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    steps_T = torch.arange(longest)
    mask_BT = steps_T < torch.tensor([len(row) for row in rows])[:, None]
    scored_BT = mask_BT & (steps_T >= torch.tensor([len(start) for start in starts])[:, None])
    return tokens_BT, mask_BT, scored_BT


class _Recorded:
    """What each router saw and chose, in float64, for a sequence at a time."""

    def __init__(self, model: Transformer) -> None:
        self.model = model.double()
        self.seen: list[tuple[Router, Tensor, Tensor]] = []
        for module in model.modules():
            if isinstance(module, Router):
                module.register_forward_hook(self._note)

    def _note(
        self, router: Router, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, Tensor]
    ) -> None:
        self.seen.append((router, inputs[0], outputs[0]))

    def loss(self, tokens_T: Tensor) -> Tensor:
        self.seen.clear()
        self.model(tokens_T[None])
        config, time, total = self.model.config, len(tokens_T), torch.zeros(())
        for router, x_ND, experts_NK in self.seen:
            logits_TE = x_ND[:time] @ router.weight.T
            softmax = config.scoring_func == "softmax"
            s_TE = logits_TE.softmax(1) if softmax else logits_TE.sigmoid()
            for i in range(config.n_routed_experts):
                chosen = int((experts_NK[:time] == i).sum())
                f = config.n_routed_experts / (config.num_experts_per_tok * time) * chosen
                p = sum(s_T[i] / s_T.sum() for s_T in s_TE) / time
                total = total + f * p
        return total


@pytest.mark.parametrize("softmax", [False, True])
def test_values_and_gradients_equal_the_formula(config: ModelConfig, softmax: bool) -> None:
    shape = _softmax(config) if softmax else config
    model, exact = build(shape), _Recorded(build(shape))
    tokens_BT, mask_BT, scored_BT = _batch()
    found_B = completion_logprobs(model, tokens_BT, mask_BT, scored_BT, balance=True).balance_B
    expected_B = torch.stack(
        [exact.loss(tokens_T[mask_T]) for tokens_T, mask_T in zip(tokens_BT, mask_BT, strict=True)]
    )
    assert found_B.dtype == FP32
    assert relative_difference(found_B, expected_B) < RELATIVE[FP32]
    weights_B = torch.linspace(-1, 1, len(found_B))
    (found_B * weights_B).sum().backward()
    (expected_B * weights_B).sum().backward()
    pairs = zip(model.named_parameters(), exact.model.parameters(), strict=True)
    for (name, parameter), reference in pairs:
        if reference.grad is not None and name != "head.weight":
            assert relative_difference(parameter.grad, reference.grad) < GRADIENT[FP32], name


def test_the_multi_token_layer_adds_its_own_share(config: ModelConfig) -> None:
    model = build(replace(config, num_nextn_predict_layers=1))
    batch = _batch()
    without_B = completion_logprobs(model, *batch, balance=True).balance_B
    with_B = completion_logprobs(model, *batch, mtp="detached", balance=True).balance_B
    added_B = (with_B - without_B).detach()
    # One layer's loss is 1 for even load and at most E / K where the same experts take all.
    assert 0.5 < float(added_B.min()) <= float(added_B.max()) < 8 / 3


@pytest.mark.parametrize("size", [1, 5])
def test_the_gradient_does_not_depend_on_the_cut_into_microbatches(
    config: ModelConfig, size: int
) -> None:
    """Nor on the cut into ranks, whose shares are added up as well."""
    whole, cut = build(config), build(config)
    batch = _batch()
    completion_logprobs(whole, *batch, balance=True).balance_B.mean().backward()
    for start in range(0, len(batch[0]), size):
        part = [tensor[start : start + size] for tensor in batch]
        balance_B = completion_logprobs(cut, *part, balance=True).balance_B
        (balance_B.sum() / len(batch[0])).backward()
    pairs = zip(whole.named_parameters(), cut.parameters(), strict=True)
    for (name, parameter), other in pairs:
        if "router" in name:
            assert parameter.grad.any(), name
        if parameter.grad is not None and name != "head.weight":
            assert relative_difference(other.grad, parameter.grad) < GRADIENT[FP32], name


def test_even_scores_cost_one_a_layer_whatever_is_chosen(config: ModelConfig) -> None:
    model = build(config)
    routers = [module for module in model.modules() if isinstance(module, Router)]
    for router in routers:
        torch.nn.init.zeros_(router.weight)  # every P is 1 / E; the bias still chooses
    even_B = completion_logprobs(model, *_batch(), balance=True).balance_B
    torch.testing.assert_close(even_B, torch.full_like(even_B, len(routers)))


def test_unasked_it_is_not_computed(config: ModelConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.model.logprobs.SequenceBalance", None)
    assert completion_logprobs(build(config), *_batch()).balance_B is None

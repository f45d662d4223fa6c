"""The router follows the rules of the V3 and V2 reports, told here in plain Python."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tolerance import GRADIENT, relative_difference
from tests.training.model.random_models import build, padded_batch
from training.model import ModelConfig, completion_logprobs, expert_counts
from training.model.router import Router

TOKENS = 12


@st.composite
def routings(draw: st.DrawFn) -> ModelConfig:
    groups = draw(st.sampled_from([1, 2, 4]))
    of_group = draw(st.integers(1, 5))
    open_groups = draw(st.integers(1, groups))
    scoring, method = draw(
        st.sampled_from(
            [("sigmoid", "noaux_tc"), ("softmax", "greedy"), ("softmax", "group_limited_greedy")]
        )
    )
    selectable = groups * of_group if method == "greedy" else open_groups * of_group
    return _shape(
        n_routed_experts=groups * of_group,
        num_experts_per_tok=draw(st.integers(1, min(selectable, open_groups * of_group))),
        n_group=groups,
        topk_group=open_groups,
        scoring_func=scoring,
        topk_method=method,
        norm_topk_prob=scoring == "sigmoid" and draw(st.booleans()),
        routed_scaling_factor=draw(st.sampled_from([1.0, 2.5])),
    )


def _shape(**routing: object) -> ModelConfig:
    values: dict[str, object] = {
        "vocab_size": 60, "hidden_size": 16, "intermediate_size": 24, "moe_intermediate_size": 8,
        "num_hidden_layers": 2, "num_attention_heads": 2, "kv_lora_rank": 8, "q_lora_rank": None,
        "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 8,
        "num_experts_per_tok": 2, "initializer_range": 0.1,
    }  # fmt: skip
    return ModelConfig(**{**values, **routing})  # type: ignore[arg-type]


def _reference(logits: list[float], bias: list[float], config: ModelConfig) -> dict[int, float]:
    """One token's experts and their gates."""
    if config.scoring_func == "sigmoid":
        scores = [1 / (1 + math.exp(-x)) for x in logits]
    else:
        whole = sum(math.exp(x) for x in logits)
        scores = [math.exp(x) / whole for x in logits]
    biased = [score + b for score, b in zip(scores, bias, strict=True)]
    candidates = list(range(len(scores)))
    if config.topk_method != "greedy":
        size = len(scores) // config.n_group
        best = 2 if config.topk_method == "noaux_tc" else 1

        def rank(group: int) -> float:
            members = biased[group * size : (group + 1) * size]
            return sum(sorted(members, reverse=True)[:best])

        opened = sorted(range(config.n_group), key=rank, reverse=True)[: config.topk_group]
        candidates = [expert for expert in candidates if expert // size in opened]
    candidates.sort(key=lambda expert: biased[expert], reverse=True)
    chosen = candidates[: config.num_experts_per_tok]
    total = sum(scores[expert] for expert in chosen) if config.norm_topk_prob else 1.0
    return {expert: scores[expert] / total * config.routed_scaling_factor for expert in chosen}


@given(config=routings(), seed=st.integers(0, 2**31))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_experts_and_gates_follow_the_rules(config: ModelConfig, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    router = Router(config)
    with torch.no_grad():
        router.weight.normal_(generator=generator)
        if config.has_expert_bias:
            router.bias_E.normal_(std=0.3, generator=generator)
    x_ND = torch.randn(TOKENS, config.hidden_size, generator=generator)
    experts_NK, gates_NK = router(x_ND)
    logits_NE = (x_ND.double() @ router.weight.double().T).tolist()
    for n, logits in enumerate(logits_NE):
        expected = _reference(logits, router.bias_E.double().tolist(), config)
        found = dict(zip(experts_NK[n].tolist(), gates_NK[n].tolist(), strict=True))
        assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["greedy", "group_limited_greedy"])
def test_a_softmax_routed_model_trains(method: str) -> None:
    config = _shape(
        scoring_func="softmax", topk_method=method, norm_topk_prob=False,
        n_group=1 if method == "greedy" else 4, topk_group=1 if method == "greedy" else 2,
    )  # fmt: skip
    _check_it_learns(config)
    assert not any("bias_E" in name for name in build(config).state_dict())


@pytest.mark.parametrize("predicted", [0, 1])
def test_a_model_without_shared_experts_trains(predicted: int) -> None:
    _check_it_learns(_shape(n_shared_experts=0, num_nextn_predict_layers=predicted))


def _check_it_learns(config: ModelConfig) -> None:
    """Gradients equal float64's, every weight has one, and some steps lower the loss."""
    model, exact = build(config).train(), build(config).double()
    tokens_BT, mask_BT = padded_batch(config)
    scored_BT = mask_BT & (mask_BT.cumsum(1) > 1)
    batch = (tokens_BT, mask_BT, scored_BT)

    def loss_of(trained: torch.nn.Module) -> torch.Tensor:
        result = completion_logprobs(trained, *batch, mtp="joint", balance=True)
        ahead = 0.0 if result.mtp_BT is None else result.mtp_BT.sum()
        return -(result.logprobs_BT.sum() + ahead) / scored_BT.sum() + result.balance_B.mean()

    first = loss_of(model)
    first.backward()
    loss_of(exact).backward()
    pairs = zip(model.named_parameters(), exact.parameters(), strict=True)
    for (name, parameter), reference in pairs:
        assert parameter.grad.any(), name
        assert relative_difference(parameter.grad, reference.grad) < GRADIENT[torch.float32], name
    assert expert_counts(model).sum() > 0
    adam = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(5):
        adam.step()
        adam.zero_grad()
        last = loss_of(model)
        last.backward()
    assert last.item() < first.item() - 0.1

"""The router counts what it sends where, and its bias moves against the load."""

import torch

from tests.training.model.random_models import build, padded_batch
from training.model import (
    ModelConfig,
    completion_logprobs,
    expert_counts,
    reset_expert_counts,
    update_expert_bias,
)
from training.model.router import Router


def test_training_counts_each_real_token_once_per_choice(config: ModelConfig) -> None:
    model = build(config).train()
    tokens_BT, mask_BT = padded_batch(config)
    model(tokens_BT, mask_BT)
    counts_LE = expert_counts(model)
    assert counts_LE.shape == (2, config.n_routed_experts)
    expected = int(mask_BT.sum()) * config.num_experts_per_tok
    assert counts_LE.sum(1).tolist() == [expected, expected]
    reset_expert_counts(model)
    assert not expert_counts(model).any()


def test_evaluation_and_reference_passes_are_not_counted(config: ModelConfig) -> None:
    model = build(config).train()
    tokens_BT, mask_BT = padded_batch(config)
    with torch.no_grad():
        model(tokens_BT, mask_BT)
    model.eval()
    completion_logprobs(model, tokens_BT, mask_BT, mask_BT & mask_BT.cumsum(1).gt(1))
    assert not expert_counts(model).any()


def test_bias_falls_for_overloaded_and_rises_for_idle_experts(config: ModelConfig) -> None:
    model = build(config)
    routers = [module for module in model.modules() if isinstance(module, Router)]
    before = [router.bias_E.clone() for router in routers]
    counts_LE = torch.tensor([[9, 1, 4, 4, 4, 4, 4, 2], [4] * 8])
    update_expert_bias(model, counts_LE, gamma=0.001)
    steps_E = torch.tensor([-1, 1, 0, 0, 0, 0, 0, 1]) * 0.001
    torch.testing.assert_close(routers[0].bias_E, before[0] + steps_E)
    assert torch.equal(routers[1].bias_E, before[1])


def test_balancing_evens_out_a_skewed_router(config: ModelConfig) -> None:
    model = build(config).train()
    tokens_BT = torch.randint(0, config.vocab_size, (16, 32))
    spreads = []
    for _ in range(60):
        reset_expert_counts(model)
        model(tokens_BT)
        counts_LE = expert_counts(model)
        spreads.append(float((counts_LE.max(1).values / counts_LE.float().mean(1)).mean()))
        update_expert_bias(model, counts_LE, gamma=0.02)
    assert spreads[-1] < 1.3 < spreads[0]


def test_bias_stays_fp32_when_the_model_turns_bf16(config: ModelConfig) -> None:
    model = build(config)
    router = next(module for module in model.modules() if isinstance(module, Router))
    before_E = router.bias_E.clone()
    model.bfloat16()
    assert router.weight.dtype == torch.bfloat16
    assert torch.equal(router.bias_E, before_E)


def test_bias_chooses_experts_but_leaves_gate_values_alone(config: ModelConfig) -> None:
    router = Router(config)
    torch.nn.init.normal_(router.weight)
    x_ND = torch.randn(50, config.hidden_size)
    router.bias_E[:] = torch.tensor([5.0, 4.0, 3.0, 0, 0, 0, 0, 0])
    experts_NK, gates_NK = router(x_ND)
    assert experts_NK.sort(1).values.tolist() == [[0, 1, 2]] * 50
    scores_NK = (x_ND @ router.weight.T).sigmoid()[:, :3].gather(1, experts_NK)
    expected_NK = scores_NK / scores_NK.sum(1, keepdim=True) * config.routed_scaling_factor
    torch.testing.assert_close(gates_NK, expected_NK)

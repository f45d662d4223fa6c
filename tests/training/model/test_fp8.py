"""FP8 training of a whole model: what becomes FP8, and that it learns as fp32 does.

Broken on purpose, the same comparison fails: each tolerance stands between FP8's noise and what a
missing Dgrad or Wgrad does.
"""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kernels.fp8_linear import fp8_linear
from tests.tolerance import FP8_GRADIENT, FP8_LOSS, RELATIVE, relative_difference
from tests.training.model.random_models import build
from tests.training.rollout.asking import sample
from training.model import (
    ModelConfig,
    ModelConfigError,
    Transformer,
    completion_logprobs,
    fp8,
    hf,
    policy,
)
from training.model.dtype import has_native_fp8, weights_dtype
from training.model.fp8 import Fp8Experts, Fp8Linear, Fp8Norm, to_fp8
from training.model.norm import RMSNorm
from training.rollout import NativeEngine

STEPS = 20


@pytest.fixture
def shape() -> ModelConfig:
    """Every token goes to all experts: a choice that FP8 tips would drown what is measured."""
    return ModelConfig(
        vocab_size=97, hidden_size=64, intermediate_size=96, moe_intermediate_size=48,
        num_hidden_layers=2, num_attention_heads=2, kv_lora_rank=32, q_lora_rank=24,
        qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16, n_routed_experts=4,
        num_experts_per_tok=4, max_position_embeddings=64, initializer_range=0.05,
        num_nextn_predict_layers=1,
    )  # fmt: skip


def in_fp8(model: Transformer) -> Transformer:
    twin = copy.deepcopy(model)
    to_fp8(twin)
    return twin


def loss(model: Transformer, seed: int) -> Tensor:
    """Of counting on: each row has its own stride, which takes attention to find."""
    generator = torch.Generator().manual_seed(seed)
    starts_B1, strides_B1 = (torch.randint(1, top, (8, 1), generator=generator) for top in (97, 4))
    tokens_BT = (starts_B1 + strides_B1 * torch.arange(20)) % 97
    mask_BT = torch.ones_like(tokens_BT)
    scored_BT = mask_BT.bool() & (torch.arange(20) > 0)
    return -completion_logprobs(model, tokens_BT, mask_BT, scored_BT).logprobs_BT.sum() / 152


def losses(model: Transformer) -> list[float]:
    """Those of some training steps."""
    adamw = torch.optim.AdamW(model.parameters(), lr=1e-3)
    found = []
    for step in range(STEPS):
        adamw.zero_grad()
        value = loss(model, step)
        value.backward()
        adamw.step()
        found.append(value.item())
    return found


def largest_difference(found: list[float], exact: list[float]) -> float:
    return max(abs(a - b) / b for a, b in zip(found, exact, strict=True))


def broken(model: Transformer, part: str) -> Transformer:
    """The FP8 twin without one of its gradients."""
    twin = in_fp8(model)
    for module in twin.modules():
        if isinstance(module, Fp8Linear) and part == "dgrad":
            module.register_full_backward_hook(lambda _, grads, __: (torch.zeros_like(grads[0]),))
        if isinstance(module, Fp8Linear) and part == "wgrad":
            module.weight.register_hook(torch.zeros_like)
        if isinstance(module, Fp8Experts) and part == "wgrad of experts":
            module.gate_up_EDJ.register_hook(torch.zeros_like)
            module.down_EID.register_hook(torch.zeros_like)
    return twin


def test_projections_and_experts_are_fp8_and_nothing_else(shape: ModelConfig) -> None:
    model = in_fp8(build(shape))
    linear = {name for name, module in model.named_modules() if type(module) is Fp8Linear}
    sparse = ("blocks.1", "mtp.block")
    every = ("blocks.0", *sparse)
    assert linear == {
        *(f"{block}.attention.{name}" for block in every
          for name in ("down", "q_up", "kv_up", "out")),
        *(f"{block}.feed_forward.shared.{name}" for block in sparse
          for name in ("gate_up", "down")),
        "blocks.0.feed_forward.gate_up", "blocks.0.feed_forward.down",
    }  # fmt: skip
    experts = {name for name, module in model.named_modules() if type(module) is Fp8Experts}
    assert experts == {f"{block}.feed_forward" for block in sparse}
    assert [name for name, module in model.named_modules() if type(module) is nn.Linear] == [
        "mtp.join"
    ]


def test_norms_quantise_for_the_layers_behind_them(
    shape: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fused, apart = in_fp8(build(shape)), in_fp8(build(shape))
    for module in apart.modules():
        if type(module) is Fp8Norm:
            module.__class__ = RMSNorm
    alone = []
    monkeypatch.setattr(fp8, "fp8_linear", lambda *given: alone.append(1) or fp8_linear(*given))
    values = [loss(fused, 0)]
    assert len(alone) == 2 * 2  # each block's attention.out, and its dense or shared down
    values.append(loss(apart, 0))
    assert len(alone) == 2 * 2 + 2 * 6
    for value in values:
        value.backward()
    assert torch.equal(*values)
    for one, other in zip(fused.parameters(), apart.parameters(), strict=True):
        assert one.grad is other.grad is None or (
            relative_difference(one.grad, other.grad) < RELATIVE[torch.float32]
        )


def test_the_tiles_of_a_norm_are_gone_once_they_are_used(shape: ModelConfig) -> None:
    model, given = in_fp8(build(shape)), []
    for module in model.modules():
        if type(module) is Fp8Norm:
            module.register_forward_hook(lambda _, __, y: given.append((y, hasattr(y, "fp8_rows"))))
    value = loss(model, 0)
    assert len(given) == 2 * 4  # attention, query, latent, feed-forward
    assert all(quantised for _, quantised in given)
    assert not any(hasattr(y, "fp8_rows") for y, _ in given)
    value.backward()


def test_checkpoints_are_the_same(shape: ModelConfig, tmp_path: Path) -> None:
    model = build(shape)
    for name, each in (("plain", model), ("fp8", in_fp8(model))):
        hf.save(each, tmp_path / name)
    files = [file.name for file in sorted((tmp_path / "plain").iterdir())]
    for file in files:
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "fp8" / file).read_bytes()


def test_gradients_are_those_of_fp32_but_for_noise(shape: ModelConfig) -> None:
    model = build(shape)
    twin = in_fp8(model)
    value, exact = loss(twin, 0), loss(model, 0)
    assert 0 < largest_difference([value.item()], [exact.item()]) < FP8_LOSS
    for each in (value, exact):
        each.backward()
    for (name, parameter), (_, reference) in zip(
        twin.named_parameters(), model.named_parameters(), strict=True
    ):
        if reference.grad is not None:
            assert 0 < relative_difference(parameter.grad, reference.grad) < FP8_GRADIENT, name


def test_training_loses_nothing(shape: ModelConfig) -> None:
    model = build(shape)
    exact = losses(copy.deepcopy(model))
    assert exact[-1] < 0.8 * exact[0]
    assert largest_difference(losses(in_fp8(model)), exact) < FP8_LOSS
    for part in ("dgrad", "wgrad", "wgrad of experts"):
        assert largest_difference(losses(broken(model, part)), exact) > 2 * FP8_LOSS, part


@pytest.mark.parametrize("speculative", [False, True])
def test_the_sampler_takes_the_weights_as_they_are(shape: ModelConfig, speculative: bool) -> None:
    model = build(shape).bfloat16().eval()
    prompts = [[5, 6, 7, 8], [9, 10]]
    plain, fp8 = (
        sample(
            NativeEngine(each, speculative=speculative),
            prompts,
            group_size=24,
            max_new_tokens=6,
            seed=3,
            eos_id=None,
        )
        for each in (model, in_fp8(model))
    )
    assert plain == fp8


def test_what_the_loss_sees_is_fp8_without_gradients_too(shape: ModelConfig) -> None:
    model = in_fp8(build(shape))
    with torch.no_grad():
        reference = loss(model, 0)
    assert torch.equal(reference, loss(model, 0).detach())


def test_fp8_keeps_bf16_weights() -> None:
    assert weights_dtype("fp8") == torch.bfloat16
    assert not has_native_fp8("cpu")


def test_other_architectures_are_refused() -> None:
    other = object.__new__(policy.CausalLM)
    nn.Module.__init__(other)
    other.network = nn.Identity()
    with pytest.raises(ModelConfigError, match=r"^hardware\.dtype: fp8 is for DeepSeek's arch"):
        policy.to_fp8(other)

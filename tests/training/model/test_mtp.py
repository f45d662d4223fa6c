"""Multi-token prediction of depth 1, against the report's formulas written out in float64."""

import shutil
from collections import ChainMap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.tolerance import ABSOLUTE, GRADIENT, RELATIVE, relative_difference
from tests.training.model.random_models import build
from training.model import ModelConfig, Transformer, completion_logprobs, expert_counts, hf
from training.model.attention import LATENT_NORM_EPS
from training.model.block import Block

FP32 = torch.float32
PROMPTS = [[5, 6, 7, 8], [9, 6, 7, 8], [11], [5, 6]]
"""Two that differ in the first token only, and one that leaves nothing to share."""
GROUP = 3


@pytest.fixture
def config(config: ModelConfig) -> ModelConfig:
    return replace(config, num_nextn_predict_layers=1)


def _batch() -> tuple[Tensor, Tensor, Tensor]:
    """Each prompt with completions of 1 to 6 tokens, right-padded."""
    generator = torch.Generator().manual_seed(0)
    starts = [prompt for prompt in PROMPTS for _ in range(GROUP)]
    lengths = torch.randint(1, 7, (len(starts),), generator=generator).tolist()
    rows = [
        start + torch.randint(0, 97, (length,), generator=generator).tolist()
        for start, length in zip(starts, lengths, strict=True)
    ]
    longest = max(map(len, rows))
    tokens_BT = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    steps_T = torch.arange(longest)
    mask_BT = steps_T < torch.tensor([len(row) for row in rows])[:, None]
    scored_BT = mask_BT & (steps_T >= torch.tensor([len(start) for start in starts])[:, None])
    return tokens_BT, mask_BT, scored_BT


def _norm(x_TD: Tensor, weight_D: Tensor, eps: float) -> Tensor:
    return weight_D * x_TD / (x_TD.square().mean(-1, keepdim=True) + eps).sqrt()


def _rotated(x_TR: Tensor, theta: float) -> Tensor:
    """Each pair of neighbours turned by position times its frequency."""
    time, width = x_TR.shape
    angles = torch.arange(time).double()[:, None] * theta ** -(torch.arange(0, width, 2) / width)
    turned = torch.view_as_complex(x_TR.unflatten(1, (-1, 2)).contiguous())
    turned = turned * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(1)


def _attention(block: Block, x_TD: Tensor, config: ModelConfig) -> Tensor:
    attention, nope, value = block.attention, config.qk_nope_head_dim, config.v_head_dim
    q_TQ, latent_TC, k_rope_TR = (x_TD @ attention.down.weight.T).split(attention.down_sizes, 1)
    q_TX = _norm(q_TQ, attention.q_norm.weight, LATENT_NORM_EPS) @ attention.q_up.weight.T
    kv_TX = _norm(latent_TC, attention.kv_norm.weight, LATENT_NORM_EPS) @ attention.kv_up.weight.T
    k_rope_TR = _rotated(k_rope_TR, config.rope_theta)
    ahead_TT = torch.ones(len(x_TD), len(x_TD), dtype=torch.bool).triu(1)
    outputs = []
    for head in range(config.num_attention_heads):
        q_T = q_TX[:, head * config.qk_head_dim :][:, : config.qk_head_dim]
        kv_T = kv_TX[:, head * (nope + value) :][:, : nope + value]
        scores_TT = q_T[:, :nope] @ kv_T[:, :nope].T
        scores_TT = scores_TT + _rotated(q_T[:, nope:], config.rope_theta) @ k_rope_TR.T
        scores_TT = scores_TT.masked_fill(ahead_TT, -torch.inf) / config.qk_head_dim**0.5
        outputs.append(scores_TT.softmax(-1) @ kv_T[:, nope:])
    return torch.cat(outputs, dim=1) @ attention.out.weight.T


def _swiglu(x_TD: Tensor, gate_up_JD: Tensor, down_DI: Tensor) -> Tensor:
    gate_TI, up_TI = (x_TD @ gate_up_JD.T).chunk(2, dim=1)
    return (F.silu(gate_TI) * up_TI) @ down_DI.T


def _experts(block: Block, x_TD: Tensor) -> Tensor:
    """All experts on all tokens, weighted by the gates; which experts, test_routing checks."""
    experts = block.feed_forward
    chosen_TK, gates_TK = experts.router(x_TD)
    out_TD = _swiglu(x_TD, experts.shared.gate_up.weight, experts.shared.down.weight)
    for expert in range(len(experts.down_EID)):
        y_TD = _swiglu(x_TD, experts.gate_up_EDJ[expert].T, experts.down_EID[expert].T)
        gate_T1 = (gates_TK * (chosen_TK == expert)).sum(1, keepdim=True)
        out_TD = out_TD + gate_T1 * y_TD
    return out_TD


def _expected(model: Transformer, tokens_T: Tensor) -> Tensor:
    """For each token from the third on its log-probability, in float64: [T - 2]."""
    config, mtp = model.config, model.mtp
    eps = config.rms_norm_eps
    hidden_TD = model(tokens_T[None])[0, :-1]
    embedded_TD = model.embedding.weight[tokens_T[1:]]
    pair = (
        _norm(embedded_TD, mtp.embedding_norm.weight, eps),
        _norm(hidden_TD, mtp.hidden_norm.weight, eps),
    )
    x_TD = torch.cat(pair, dim=1) @ mtp.join.weight.T
    block = mtp.block
    x_TD = x_TD + _attention(block, _norm(x_TD, block.attention_norm.weight, eps), config)
    x_TD = x_TD + _experts(block, _norm(x_TD, block.feed_forward_norm.weight, eps))
    logits_TV = _norm(x_TD, mtp.norm.weight, eps) @ model.head.weight.T
    return logits_TV[:-1].log_softmax(-1).gather(1, tokens_T[2:, None]).squeeze(1)


def test_values_and_gradients_equal_the_formula_of_each_sequence_alone(
    config: ModelConfig,
) -> None:
    model, exact = build(config).train(), build(config).double()
    tokens_BT, mask_BT, scored_BT = _batch()
    found_BT = completion_logprobs(model, tokens_BT, mask_BT, scored_BT, mtp="joint").mtp_BT
    scored_BT[:, :2] = False  # nothing stands two tokens before the first two
    expected_BT = torch.zeros(tokens_BT.shape, dtype=torch.float64)
    for row, length in enumerate(mask_BT.sum(1).tolist()):
        expected_BT[row, 2:length] = _expected(exact, tokens_BT[row, :length])
    expected_BT = expected_BT * scored_BT
    assert relative_difference(found_BT, expected_BT) < RELATIVE[FP32]
    assert not found_BT[~scored_BT].any()
    weights_BT = torch.linspace(-1, 1, found_BT.numel()).view_as(found_BT)
    (found_BT * weights_BT).sum().backward()
    (expected_BT * weights_BT).sum().backward()
    pairs = zip(model.named_parameters(), exact.parameters(), strict=True)
    for (name, parameter), reference in pairs:
        assert relative_difference(parameter.grad, reference.grad) < GRADIENT[FP32], name


def test_the_detached_loss_leaves_every_other_gradient_as_it_is(config: ModelConfig) -> None:
    """Bit for bit, and trains each weight of the layer."""
    weights_BT = torch.randn(_batch()[0].shape, generator=torch.Generator().manual_seed(1))
    gradients = []
    for mode in ("off", "detached"):
        model = build(config).train()
        result = completion_logprobs(model, *_batch(), 0.7, mtp=mode)
        loss = (result.logprobs_BT * weights_BT).sum()
        if mode == "detached":
            loss = loss - result.mtp_BT.sum()
        loss.backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    for name, without in gradients[0].items():
        if name.startswith("mtp."):
            assert without is None
            assert gradients[1][name].any(), name
        else:
            assert torch.equal(gradients[1][name], without), name


def test_without_the_layer_or_unasked_nothing_is_predicted(config: ModelConfig) -> None:
    with_layer, without = build(config), build(replace(config, num_nextn_predict_layers=0))
    assert without.mtp is None
    for model, mode in ((with_layer, "off"), (without, "joint")):
        assert completion_logprobs(model, *_batch(), mtp=mode).mtp_BT is None


def test_the_layer_is_sparse_and_its_experts_are_counted(config: ModelConfig) -> None:
    model = build(config).train()
    tokens_BT, mask_BT, scored_BT = _batch()
    completion_logprobs(model, tokens_BT, mask_BT, scored_BT, mtp="joint")
    pairs = sum(len(prompt) - 1 for prompt in PROMPTS) + int(scored_BT.sum())
    assert int(expert_counts(model)[-1].sum()) == pairs * config.num_experts_per_tok
    completion_logprobs(model, tokens_BT, mask_BT, scored_BT, mtp="off")
    assert int(expert_counts(model)[-1].sum()) == pairs * config.num_experts_per_tok


def test_transformers_predicts_the_same(
    config: ModelConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the class it drafts tokens with, from the directory that we save."""
    from transformers import DeepseekV3ForCausalLM  # noqa: PLC0415 - slow to import
    from transformers.cache_utils import MtpCache  # noqa: PLC0415
    from transformers.modeling_layers import MtpModel  # noqa: PLC0415

    model = build(config)
    hf.save(model, tmp_path / "model")
    # Without an index it reads only model.safetensors, and it takes every model to have V3's depth.
    stored = [load_file(file) for file in (tmp_path / "model").glob("*.safetensors")]
    save_file(dict(ChainMap(*stored)), tmp_path / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(tmp_path / "model" / "config.json", tmp_path)
    names = [rf"model\.layers\.{config.num_hidden_layers}\..*"]
    monkeypatch.setattr(DeepseekV3ForCausalLM, "_keys_to_ignore_on_load_unexpected", names)
    other = DeepseekV3ForCausalLM.from_pretrained(
        tmp_path, dtype=FP32, attn_implementation="eager"
    ).eval()
    layer = MtpModel.from_pretrained(other).eval()

    tokens_1T = torch.randint(0, config.vocab_size, (1, 15))
    everything_1T = torch.ones_like(tokens_1T, dtype=torch.bool)
    scored_1T = everything_1T & (torch.arange(15) > 0)
    with torch.no_grad():
        hidden_1TD = other.model(tokens_1T).last_hidden_state[:, :-1]
        states_1TD = layer.forward_layer(
            0, hidden_1TD, torch.arange(1, 15)[None],
            MtpCache(config=other.config.get_mtp_config()), input_ids=tokens_1T[:, 1:],
        )  # fmt: skip
        logp_TV = other.lm_head(states_1TD)[0, :-1].log_softmax(-1)
        found_1T = completion_logprobs(
            model, tokens_1T, everything_1T, scored_1T, mtp="joint"
        ).mtp_BT
    expected_T = logp_TV.gather(1, tokens_1T[0, 2:, None]).squeeze(1)
    torch.testing.assert_close(found_1T[0, 2:], expected_T, atol=ABSOLUTE[FP32], rtol=0)

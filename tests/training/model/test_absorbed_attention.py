"""Absorbed attention over a latent cache is the expanded attention of training.

B sequences, T time, S newest tokens of each, D hidden_size.
"""

from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.tolerance import ABSORBED, relative_difference
from training.model import ModelConfig
from training.model.block import Block
from training.model.packing import pack
from training.model.rope import Rope
from training.rollout import decoder, paged
from training.rollout.cache import LatentCache
from training.rollout.decode_weights import absorb
from training.rollout.paged import PagedCache

SEQUENCES, TIME = 64, 16
"""Enough for the norm of a difference not to hang on a few numbers."""


class Outputs(NamedTuple):
    """Attention of the newest tokens [B * S, D]."""

    expanded: Tensor
    folded: Tensor
    """The CPU's decoder."""
    paged: Tensor
    """The GPU's decoder, by the references of its kernels."""
    exact: Tensor
    """The expanded form in float64."""


@st.composite
def shapes(draw: st.DrawFn) -> ModelConfig:
    return ModelConfig(
        vocab_size=50, hidden_size=draw(st.sampled_from([48, 192, 256])), intermediate_size=40,
        moe_intermediate_size=8, num_hidden_layers=1, n_routed_experts=4, num_experts_per_tok=2,
        num_attention_heads=draw(st.integers(1, 8)),
        kv_lora_rank=draw(st.sampled_from([8, 20, 64, 128])),
        q_lora_rank=draw(st.sampled_from([None, 16, 128])),
        qk_nope_head_dim=draw(st.sampled_from([4, 12, 32, 64])),
        qk_rope_head_dim=draw(st.sampled_from([2, 8, 16, 32])),
        v_head_dim=draw(st.sampled_from([6, 12, 32])),
    )  # fmt: skip


def _outputs(config: ModelConfig, dtype: torch.dtype, new: int, spread: float) -> Outputs:
    """All forms on one random layer, weights from N(0, spread), and one random batch."""
    torch.manual_seed(0)
    block, rope = Block(config, 0).requires_grad_(False), Rope(config)
    for name, parameter in block.named_parameters():
        if "norm" in name:
            nn.init.uniform_(parameter, 0.5, 1.5)
        else:
            nn.init.normal_(parameter, std=spread)
    block.to(dtype)
    x_BTD = torch.randn(SEQUENCES, TIME, config.hidden_size).to(dtype)
    expanded_BTD, latents_BTX = _expanded(block, rope, x_BTD)
    x_ND, before_BTX = x_BTD[:, -new:].flatten(0, 1), latents_BTX[:, :-new]
    positions_BS = torch.arange(TIME - new, TIME).expand(SEQUENCES, new)
    begun = [([latents_TX], torch.tensor([row])) for row, latents_TX in enumerate(before_BTX)]

    columns = LatentCache(SEQUENCES, 1, before_BTX.shape[2], before_BTX)
    columns.place(begun)
    columns.open(new)
    unit_ND = decoder.unit(x_ND, config.rms_norm_eps)
    rotation = rope(positions_BS, dtype)
    folded_ND = decoder.attend(unit_ND, absorb(block), columns, 0, rotation, config)

    pages = PagedCache(SEQUENCES, 1, before_BTX.shape[2], before_BTX, tokens=TIME)
    pages.place(begun)
    paged_ND = paged.attend(
        block.attention_norm(x_ND), block.attention, pages.layers[0], pages.table_BP,
        positions_BS, rope(positions_BS.flatten(), dtype),
    )  # fmt: skip
    exact_BTD, _ = _expanded(block.double(), rope, x_BTD.double())
    newest = (each[:, -new:].flatten(0, 1) for each in (expanded_BTD, exact_BTD))
    expanded_ND, exact_ND = newest
    return Outputs(expanded_ND, folded_ND, paged_ND, exact_ND)


def _expanded(block: Block, rope: Rope, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
    """Attention [B, T, D] as in training, and latents with rotary keys [B, T, X]."""
    packed = pack(torch.zeros(x_BTD.shape[:2], dtype=torch.long))
    count, attention = packed.count, block.attention
    x_ND = x_BTD.flatten(0, 1)[torch.arange(len(packed.tokens_N)) % count]
    rotation = rope(packed.positions_N, x_BTD.dtype)
    queries, *latents = attention.compress(block.attention_norm(x_ND), rotation)
    layout = packed.by_head(attention.config.num_attention_heads)
    out_ND = attention.attend(queries, *latents, layout)
    shape = (*x_BTD.shape[:2], -1)
    return out_ND[:count].view(shape), torch.cat(latents, dim=-1)[:count].view(shape)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(config=shapes(), new=st.integers(1, 2))
@settings(max_examples=40, derandomize=True, deadline=None)
def test_absorbed_equals_expanded(config: ModelConfig, dtype: torch.dtype, new: int) -> None:
    """With weights as a model begins."""
    outputs = _outputs(config, dtype, new, config.initializer_range)
    assert relative_difference(outputs.folded, outputs.expanded) <= ABSORBED[dtype]
    assert relative_difference(outputs.paged, outputs.expanded) <= ABSORBED[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(config=shapes(), new=st.integers(1, 2))
@settings(max_examples=20, derandomize=True, deadline=None)
def test_absorbing_loses_nothing_where_attention_is_sharp(
    config: ModelConfig, dtype: torch.dtype, new: int
) -> None:
    """Large scores are rounded in either form, so the judge is float64."""
    outputs = _outputs(config, dtype, new, 0.1)
    usual = relative_difference(outputs.expanded, outputs.exact)
    assert relative_difference(outputs.folded, outputs.exact) <= max(2 * usual, ABSORBED[dtype])
    assert relative_difference(outputs.paged, outputs.exact) <= max(2 * usual, ABSORBED[dtype])

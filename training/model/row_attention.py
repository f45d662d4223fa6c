"""Attention for transformers' classes over one flat row of tokens, each sequence by itself.

A class that calls its attention by name (transformers' AttentionInterface) gets one that lays the
tokens out by sequence, as `training.model.packing` tells, wherever a layout is passed along with
them, and is transformers' own everywhere else: in sampling, say.

N packed tokens, H heads, X features of a head.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from torch import Tensor

from kernels.causal_attention import causal_attention
from training.model.packing import Packed

NAME = "r1web_row"


def install(network: Any) -> bool:
    """Give the network this attention; false where its class or its config does not allow it."""
    config = network.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    windows = ("sliding_window", "attention_chunk_size")
    if (
        not getattr(network, "_supports_attention_backend", False)
        or network.config._attn_implementation != "sdpa"  # noqa: SLF001 - has no public name
        or kinds != {"full_attention"}
        or any(getattr(config, name, None) is not None for name in windows)
        or not _takes_more(network.base_model)
    ):
        return False
    _register()
    network.set_attn_implementation(NAME)
    return True


def read(trunk: Any, packed: Packed) -> Tensor:
    """Hidden states of the row, [N, D]."""
    nothing_hidden_1111 = torch.zeros(1, 1, 1, 1, device=packed.tokens_N.device)
    found = trunk(
        input_ids=packed.tokens_N[None],
        position_ids=packed.positions_N[None],
        attention_mask=nothing_hidden_1111,  # or a mask [N, N] would be made, which nobody reads
        use_cache=False,
        row_layout=functools.cache(packed.by_head),
    )
    hidden_ND: Tensor = found.last_hidden_state[0]
    return hidden_ND


def _takes_more(trunk: Any) -> bool:
    kinds = {each.kind for each in inspect.signature(trunk.forward).parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds


@functools.cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface  # noqa: PLC0415 - 3 s
    from transformers.integrations.sdpa_attention import sdpa_attention_forward  # noqa: PLC0415
    from transformers.masking_utils import sdpa_mask  # noqa: PLC0415

    def attend(
        module: Any, q_BHTX: Tensor, k_BHTX: Tensor, v_BHTX: Tensor, mask: Any, **more: Any
    ) -> tuple[Tensor, None]:
        layout_of = more.pop("row_layout", None)
        if layout_of is None:
            out, _ = sdpa_attention_forward(module, q_BHTX, k_BHTX, v_BHTX, mask, **more)
            return out, None
        q_WTX, k_WTX, v_WTX = (
            layout_of(x_1HNX.shape[1]).unpack(x_1HNX[0].transpose(0, 1))
            for x_1HNX in (q_BHTX, k_BHTX, v_BHTX)
        )
        out_WTX = causal_attention(q_WTX, k_WTX, v_WTX, more["scaling"])
        return layout_of(q_BHTX.shape[1]).pack(out_WTX)[None], None

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)

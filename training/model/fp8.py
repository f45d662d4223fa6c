"""FP8 training of the model by DeepSeek-V3's recipe (report, section 3.3).

Every matrix product of the attention projections, the dense feed-forwards, the shared and the
routed experts is made in E4M3, forward and backward: Fprop, Dgrad and Wgrad (routed experts have a
bf16 Wgrad, see `kernels.fp8_grouped_experts`). Embedding, output head, router, norms, attention
core and the joint of multi-token prediction stay as they are.

The model does not know: `to_fp8` gives its linear layers and experts other products. Weights stay
the parameters they were, so checkpoints, masters and optimiser are the same; scales are found
online in each pass. (Not kept from pass to pass: DeepSpeed moves weights behind the back of
`Tensor._version`, so nothing would say that they are stale.)

Sampling, which runs in inference mode, takes the weights as they are, as its decoder does; all
that enters the loss, reference and old log-probabilities included, is FP8.

N packed tokens, D hidden_size, K experts per token.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kernels.fp8_grouped_experts import fp8_grouped_experts
from kernels.fp8_linear import fp8_linear, fp8_linear_quantized
from kernels.rms_norm_quant import rms_norm_quant
from training.model.attention import Attention
from training.model.block import Block
from training.model.experts import Experts, SwiGLU
from training.model.norm import RMSNorm
from training.model.transformer import Transformer


class Fp8Norm(RMSNorm):
    """A norm that also quantises what it gives, in the same pass.

    `Fp8Linear` finds the tiles as `fp8_rows` on the result and takes them off, for others may keep
    the result until the backward pass. It does without where hooks have put another tensor in its
    place (ZeRO 3).
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled():
            return super().forward(x)
        y_ND, rows = rms_norm_quant(x, self.weight, self.eps)
        y_ND.fp8_rows = rows
        return y_ND


class Fp8Linear(nn.Linear):
    """A linear layer without bias whose three products are FP8."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        if torch.is_inference_mode_enabled():
            return super().forward(input)
        rows = input.__dict__.pop("fp8_rows", None)
        if rows is None:
            return fp8_linear(input, self.weight)
        return fp8_linear_quantized(rows, input, self.weight)


class Fp8Experts(Experts):
    """Routed experts whose products are FP8."""

    def routed(self, x_ND: Tensor, experts_NK: Tensor, gates_NK: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled():
            return super().routed(x_ND, experts_NK, gates_NK)
        return fp8_grouped_experts(x_ND, self.gate_up_EDJ, self.down_EID, experts_NK, gates_NK)


def to_fp8(model: Transformer) -> None:
    """Let the products of `model` be FP8 from now on, in place; its weights stay as they are."""
    for module in model.modules():
        if isinstance(module, Block):
            module.attention_norm.__class__ = Fp8Norm
            # Routed experts sort their tokens before they quantise them.
            if getattr(module.feed_forward, "shared", module.feed_forward) is not None:
                module.feed_forward_norm.__class__ = Fp8Norm
        if isinstance(module, Experts):
            module.__class__ = Fp8Experts
        if isinstance(module, Attention | SwiGLU):
            for layer in module.children():
                if isinstance(layer, nn.Linear):
                    layer.__class__ = Fp8Linear
                elif isinstance(layer, RMSNorm):
                    layer.__class__ = Fp8Norm

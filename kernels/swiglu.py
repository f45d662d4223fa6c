"""SwiGLU activation (arXiv 2002.05202) on gate and up projections that stand side by side.

I width of the result, J = 2I.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def swiglu(hidden_J: Tensor) -> Tensor:
    """silu(gate) * up, where `hidden_J` [..., 2I] holds gate, then up. Keeps only its input."""
    if not torch.is_grad_enabled():
        return _forward(hidden_J)
    product_I: Tensor = _SwiGLU.apply(hidden_J)
    return product_I


def swiglu_ref(hidden_J: Tensor) -> Tensor:
    """`swiglu` in plain torch."""
    gate_I, up_I = hidden_J.chunk(2, dim=-1)
    return F.silu(gate_I) * up_I


def swiglu_backward(d_product_I: Tensor, hidden_J: Tensor) -> Tensor:
    """Gradient with respect to `hidden_J`. Uses up `d_product_I`."""
    gate_I, up_I = hidden_J.chunk(2, dim=-1)
    d_hidden_J = torch.empty_like(hidden_J)
    d_gate_I, d_up_I = d_hidden_J.chunk(2, dim=-1)
    torch.mul(d_product_I, F.silu(gate_I), out=d_up_I)
    d_gate_I.copy_(torch.ops.aten.silu_backward(d_product_I.mul_(up_I), gate_I))
    return d_hidden_J


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_J: Tensor) -> Tensor:
        ctx.save_for_backward(hidden_J)
        return _forward(hidden_J)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (hidden_J,) = ctx.saved_tensors
        return swiglu_backward(grads[0].clone(), hidden_J)


def _forward(hidden_J: Tensor) -> Tensor:
    gate_I, up_I = hidden_J.chunk(2, dim=-1)
    return F.silu(gate_I).mul_(up_I)

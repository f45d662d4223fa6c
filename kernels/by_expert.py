"""The order of routed tokens by their experts, for products over groups of rows.

Everything is gathered, forward and backward, so nothing is added up concurrently and results
repeat bit for bit; no count is read back from a GPU.

N tokens, K experts per token, E experts, A = N*K assignments in the order of their experts.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class ByExpert(NamedTuple):
    """Assignments sorted by expert, those of one expert in the order of their tokens."""

    offsets_E: Tensor
    """int32: where the assignments of an expert end."""
    order_A: Tensor
    """Which assignment, counted through [N, K], stands here."""
    places_A: Tensor
    """Where each assignment stands."""
    tokens_A: Tensor
    """Whose assignment it is."""

    def sum_back(self, y_AD: Tensor, choices: int) -> Tensor:
        """[A, D] to [N, D], adding up each token's K results in fp32 or better."""
        y_NKD = y_AD.index_select(0, self.places_A).unflatten(0, (-1, choices))
        first_ND, *rest = y_NKD.unbind(1)
        wide = torch.promote_types(y_AD.dtype, torch.float32)
        return functools.reduce(torch.add, rest, first_ND.to(wide)).to(y_AD.dtype)


def sort_by_expert(experts_NK: Tensor, experts: int) -> ByExpert:
    """The order of `experts_NK`, whose entries are 0 to `experts` - 1."""
    sorted_A, order_A = experts_NK.flatten().sort(stable=True)
    ends_E = torch.arange(1, experts + 1, dtype=sorted_A.dtype, device=sorted_A.device)
    offsets_E = torch.searchsorted(sorted_A, ends_E, out_int32=True)
    places_A = torch.empty_like(order_A)
    places_A.scatter_(0, order_A, torch.arange(len(order_A), device=order_A.device))
    return ByExpert(offsets_E, order_A, places_A, order_A // experts_NK.shape[1])


def grouped_rows(x_AD: Tensor, weight_EDJ: Tensor, offsets_E: Tensor) -> Tensor:
    """[A, J]: each row times its expert's weight. As `F.grouped_mm`, for sides of any size."""
    width = weight_EDJ.shape[2]
    if _missing(x_AD):
        weight_EDJ = F.pad(weight_EDJ, (0, 0, 0, _missing(x_AD)))
    if weight_EDJ.is_contiguous() or not weight_EDJ.mT.is_contiguous():
        weight_EDJ = _aligned(weight_EDJ)
    return F.grouped_mm(_aligned(x_AD), weight_EDJ, offs=offsets_E)[:, :width]


def grouped_outer(x_AD: Tensor, y_AJ: Tensor, offsets_E: Tensor) -> Tensor:
    """[E, D, J]: xᵀ y over the rows of each expert; zeros for an expert without rows."""
    out_EDJ = F.grouped_mm(_aligned(x_AD).t(), _aligned(y_AJ), offs=offsets_E)
    return out_EDJ[:, : x_AD.shape[1], : y_AJ.shape[1]]


def _aligned(x: Tensor) -> Tensor:
    """Contiguous rows of a multiple of 16 bytes, which `F.grouped_mm` asks for; adds zeros."""
    return F.pad(x, (0, _missing(x))) if _missing(x) else x.contiguous()


def _missing(x: Tensor) -> int:
    return -x.shape[-1] % (16 // x.element_size())

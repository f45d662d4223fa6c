"""Sorting tokens by expert, and products over the groups, against one expert after the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.by_expert import grouped_outer, grouped_rows, sort_by_expert
from tests.tolerance import RELATIVE, relative_difference

FEW = settings(max_examples=12, deadline=None, derandomize=True)
SIZES = st.integers(1, 20)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32])
@given(tokens=st.integers(0, 30), experts=st.integers(1, 6), seed=st.integers(0, 99))
@FEW
def test_the_order_of_assignments(dtype: torch.dtype, tokens: int, experts: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    experts_NK = torch.randint(experts, (tokens, 2), generator=generator).to(dtype)
    order = sort_by_expert(experts_NK, experts)
    expected = sorted(range(2 * tokens), key=lambda i: (int(experts_NK.flatten()[i]), i))
    assert order.order_A.tolist() == expected
    assert order.tokens_A.tolist() == [i // 2 for i in expected]
    assert order.offsets_E.dtype == torch.int32
    counts = torch.bincount(experts_NK.flatten().long(), minlength=experts)
    assert order.offsets_E.tolist() == counts.cumsum(0).tolist()
    # Each token gets back what was computed for its assignments, wherever they stood.
    y_A1 = torch.arange(2.0 * tokens)[order.order_A, None]
    if tokens:
        assert order.sum_back(y_A1, 2).flatten().tolist() == [4 * n + 1 for n in range(tokens)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(
    counts=st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any),
    dim=SIZES,
    width=SIZES,
    seed=st.integers(0, 99),
)
@FEW
def test_products_of_any_size_equal_a_loop(
    dtype: torch.dtype, counts: list[int], dim: int, width: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows, experts = sum(counts), len(counts)
    x_AD = torch.randn(rows, dim, generator=generator).to(dtype)
    y_AJ = torch.randn(rows, width, generator=generator).to(dtype)
    weight_EDJ = torch.randn(experts, dim, width, generator=generator).to(dtype)
    offsets_E = torch.tensor(counts).cumsum(0).int()
    groups = list(zip(x_AD.double().split(counts), y_AJ.double().split(counts), strict=True))
    exact = torch.cat([x @ w for (x, _), w in zip(groups, weight_EDJ.double(), strict=True)])
    turned = torch.cat([y @ w.t() for (_, y), w in zip(groups, weight_EDJ.double(), strict=True)])
    outer = torch.stack([x.t() @ y for x, y in groups])
    for value, reference in (
        (grouped_rows(x_AD, weight_EDJ, offsets_E), exact),
        (grouped_rows(y_AJ, weight_EDJ.mT, offsets_E), turned),
        (grouped_outer(x_AD, y_AJ, offsets_E), outer),
    ):
        assert value.shape == reference.shape
        assert relative_difference(value, reference) < RELATIVE[dtype]

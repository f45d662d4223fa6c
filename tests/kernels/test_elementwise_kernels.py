"""Norm, activation and attention against their references in float64, values and gradients."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import kernels.causal_attention as attention
from kernels.buckets import bucket
from kernels.causal_attention import causal_attention, causal_attention_ref
from kernels.rms_norm import SMALL, rms_norm, rms_norm_ref
from kernels.swiglu import swiglu, swiglu_ref
from tests.tolerance import RELATIVE, relative_difference

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def _check(op: Callable[..., Tensor], ref: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    dtype = inputs[0].dtype
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    exact = [x.detach().double().requires_grad_() for x in inputs]
    value, expected = op(*leaves), ref(*exact)
    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    value.backward(upstream)
    expected.backward(upstream.double())
    assert value.dtype == dtype
    assert relative_difference(value, expected) < RELATIVE[dtype]
    for leaf, reference in zip(leaves, exact, strict=True):
        assert relative_difference(leaf.grad, reference.grad) < RELATIVE[dtype]


def _random(*shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@DTYPES
@pytest.mark.parametrize("rows", [3, SMALL // 64 + 5])
def test_rms_norm(dtype: torch.dtype, rows: int) -> None:
    inputs = [_random(rows, 64, dtype=dtype), _random(64, dtype=dtype)]
    _check(lambda x, w: rms_norm(x, w, 1e-6), lambda x, w: rms_norm_ref(x, w, 1e-6), inputs)


@DTYPES
def test_rms_norm_of_a_slice(dtype: torch.dtype) -> None:
    wide = _random(SMALL // 64 + 5, 100, dtype=dtype)
    value = rms_norm(wide[:, 20:84], torch.ones(64, dtype=dtype), 1e-6)
    expected = rms_norm_ref(wide.double()[:, 20:84], torch.ones(64).double(), 1e-6)
    assert relative_difference(value, expected) < RELATIVE[dtype]


@DTYPES
def test_rms_norm_leaves_its_input_alone(dtype: torch.dtype) -> None:
    x = _random(SMALL // 64 + 5, 64, dtype=dtype)
    before = x.clone()
    rms_norm(x.requires_grad_(), torch.ones(64, dtype=dtype), 1e-6).sum().backward()
    assert torch.equal(x, before)


@DTYPES
def test_swiglu(dtype: torch.dtype) -> None:
    _check(swiglu, swiglu_ref, [_random(37, 48, dtype=dtype)])
    with torch.no_grad():
        x = _random(37, 48, dtype=dtype)
        assert relative_difference(swiglu(x), swiglu_ref(x.double())) < RELATIVE[dtype]


@DTYPES
def test_causal_attention(dtype: torch.dtype) -> None:
    inputs = [_random(6, 11, 12, dtype=dtype), _random(7, 11, 12, dtype=dtype)[1:],
              _random(6, 11, 8, dtype=dtype)]  # fmt: skip
    _check(lambda *x: causal_attention(*x, 0.3), lambda *x: causal_attention_ref(*x, 0.3), inputs)


@DTYPES
@pytest.mark.parametrize("short", [11, 10])
def test_causal_attention_whose_neighbours_share_keys_and_values(
    short: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With scores kept, and for sequences that are too long for that."""
    monkeypatch.setattr(attention, "SHORT", short)
    inputs = [_random(6, 11, 12, dtype=dtype), _random(3, 11, 12, dtype=dtype)[1:],
              _random(2, 11, 12, dtype=dtype)]  # fmt: skip

    def exact(q_WTX: Tensor, *kv: Tensor) -> Tensor:
        return causal_attention_ref(q_WTX, *(x.repeat_interleave(3, 0) for x in kv), 0.3)

    _check(lambda *x: causal_attention(*x, 0.3), exact, inputs)


@DTYPES
def test_on_a_gpu_causal_attention_gives_torch_what_its_fused_kernels_take(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdpa, given = F.scaled_dot_product_attention, []
    monkeypatch.setattr(
        F, "scaled_dot_product_attention",
        lambda *x, **options: given.extend(x) or sdpa(*x, **options),
    )  # fmt: skip
    inputs = [_random(6, 11, 12, dtype=dtype), _random(7, 11, 12, dtype=dtype)[1:],
              _random(6, 11, 8, dtype=dtype)]  # fmt: skip
    _check(lambda *x: attention._fused(*x, 0.3), lambda *x: causal_attention_ref(*x, 0.3), inputs)
    assert [x.ndim for x in given] == [4, 4, 4]


def test_the_reference_of_causal_attention_stays_on_its_inputs_device() -> None:
    elsewhere = [torch.empty(2, 5, width, device="meta") for width in (4, 4, 3)]
    assert causal_attention_ref(*elsewhere, 0.3).device.type == "meta"


def test_buckets_hold_what_they_are_for_and_waste_little() -> None:
    sizes = {count: bucket(count) for count in range(1, 5000)}
    assert all(size >= count for count, size in sizes.items())
    assert all(size < count * 1.125 + 16 for count, size in sizes.items())
    assert all(bucket(size) == size for size in sizes.values())
    assert len(set(sizes.values())) < 60

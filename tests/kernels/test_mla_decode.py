"""Attention over the paged latent cache against one query at a time in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.latent_cache import PAGE
from kernels.mla_decode import Tiling, choose_splits, choose_tiling, mla_decode
from tests.tolerance import RELATIVE, relative_difference

SCALE = 0.3


def _one_at_a_time(
    q_BSHX: Tensor, cache: Tensor, table: Tensor, lengths: list[int], latent: int
) -> Tensor:
    batch, newest, heads, _ = q_BSHX.shape
    out = torch.zeros(batch, newest, heads, latent, dtype=torch.float64)
    for b, length in enumerate(lengths):
        pages = table[b, : -(-length // PAGE)].long()
        for s in range(newest):
            seen = length - (newest - 1 - s)
            if seen <= 0:
                continue
            keys = cache[pages].flatten(0, 1)[:seen].double()
            weights = (SCALE * q_BSHX[b, s].double() @ keys.T).softmax(-1)
            out[b, s] = weights @ keys[:, :latent]
    return out


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@given(
    lengths=st.lists(
        st.one_of(st.sampled_from([0, 1, 63, 64, 65, 128]), st.integers(0, 192)),
        min_size=1,
        max_size=4,
    ),
    newest=st.integers(1, 3),
    heads=st.integers(1, 5),
    latent=st.integers(1, 24),
    rope=st.integers(1, 6).map(lambda n: 2 * n),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_values_equal_one_query_at_a_time(
    dtype: torch.dtype,
    lengths: list[int],
    newest: int,
    heads: int,
    latent: int,
    rope: int,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    batch = len(lengths)
    cache = torch.randn(3 * batch, PAGE, latent + rope, generator=generator).to(dtype)
    table = torch.randperm(3 * batch, generator=generator).view(batch, 3).int()
    for b, length in enumerate(lengths):  # what is past the end is rubbish
        used = -(-length // PAGE)
        if length % PAGE:
            cache[table[b, used - 1], length % PAGE :] = torch.nan
        cache[table[b, used:].long()] = torch.nan
        table[b, used:] = -7
    q = torch.randn(batch, newest, heads, latent + rope, generator=generator).to(dtype)
    expected = _one_at_a_time(q, cache, table, lengths, latent)
    value = mla_decode(q, cache, table, torch.tensor(lengths).int(), latent, SCALE)
    assert value.dtype == dtype
    assert relative_difference(value, expected) < RELATIVE.get(dtype, 1e-12)
    assert torch.equal(value == 0, expected == 0)
    if newest == 1:
        single = mla_decode(q[:, 0], cache, table, torch.tensor(lengths).int(), latent, SCALE)
        assert torch.equal(single, value[:, 0])


def test_splits_fill_the_processors_and_no_more() -> None:
    assert choose_splits(128, 16, 132) == 1  # 128 sequences fill an H200
    assert choose_splits(64, 16, 132) == 2
    assert choose_splits(1, 512, 132) * 1 > 100
    assert choose_splits(1, 1, 132) == 1
    for programs in (1, 3, 17, 100, 700):
        for pages in (1, 5, 64, 2000):
            splits = choose_splits(programs, pages, 132)
            assert 1 <= splits <= min(pages, 128)


def test_tiles_fit_the_shared_memory() -> None:
    hopper, a100, rtx = 227 << 10, 163 << 10, 99 << 10
    assert choose_tiling(16, 576, False, hopper) == Tiling(16, True, 2)
    assert choose_tiling(32, 576, False, hopper) == Tiling(32, True, 2)
    assert choose_tiling(128, 576, False, hopper) == Tiling(64, False, 2)
    assert choose_tiling(16, 576, True, hopper) == Tiling(64, False, 2)
    assert choose_tiling(16, 576, False, a100) == Tiling(16, True, 1)
    assert choose_tiling(128, 576, False, a100) == Tiling(64, False, 1)
    assert choose_tiling(128, 576, False, rtx) == Tiling(16, True, 1)
    assert choose_tiling(16, 576, True, rtx) is None
    assert choose_tiling(4, 80, False, rtx) == Tiling(16, True, 2)


def test_no_sequence_and_no_page_give_nothing() -> None:
    cache, table = torch.zeros(4, PAGE, 24), torch.zeros(0, 2, dtype=torch.int32)
    none = torch.zeros(0, dtype=torch.int32)
    assert mla_decode(torch.zeros(0, 3, 24), cache, table, none, 16, SCALE).shape == (0, 3, 16)
    table, none = torch.zeros(2, 0, dtype=torch.int32), torch.zeros(2, dtype=torch.int32)
    assert not mla_decode(torch.ones(2, 3, 24), cache, table, none, 16, SCALE).any()


def test_what_does_not_fit_together_is_refused_in_words() -> None:
    q, cache = torch.zeros(2, 3, 20), torch.zeros(4, PAGE, 24)
    table, lengths = torch.zeros(2, 2, dtype=torch.int32), torch.ones(2, dtype=torch.int32)
    with pytest.raises(ValueError, match="queries end in 24 numbers, the latent's 16"):
        mla_decode(q, cache, table, lengths, 16, SCALE)
    with pytest.raises(ValueError, match="page tables of 2 and 1 lengths"):
        mla_decode(torch.zeros(2, 3, 24), cache, table, lengths[:1], 16, SCALE)

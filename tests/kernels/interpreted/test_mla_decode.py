"""The decoding kernels against their reference in float64."""

import pytest
import torch
from torch import Tensor

from kernels import mla_decode as module
from kernels.latent_cache import PAGE, new_cache, write_latent_ref
from kernels.mla_decode import mla_decode, mla_decode_ref
from tests.tolerance import RELATIVE, relative_difference

FP8 = torch.float8_e4m3fn
SCALE = 0.2
PAGES = 3
NUMPY_WARNS = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a GPU goes on in silence


def _filled(
    batch: int, latent: int, rope: int, dtype: torch.dtype, lengths_B: Tensor
) -> tuple[Tensor, Tensor]:
    """A cache whose sequences have `lengths_B` tokens, with rubbish in all other places."""
    generator = torch.Generator().manual_seed(latent)
    cache = new_cache(batch * PAGES, latent, rope, dtype, "cpu")
    cache.view(torch.uint8).fill_(0xFF)  # NaN in each of the formats
    table = torch.randperm(batch * PAGES, generator=generator).view(batch, PAGES).int()
    for row, length in zip(table, lengths_B.tolist(), strict=True):
        latents = torch.randn(length, latent + rope, generator=generator).bfloat16()
        turns = torch.ones(length, rope), torch.zeros(length, rope)
        weight = torch.ones(latent).bfloat16()
        write_latent_ref(
            latents[:, :latent], latents[:, latent:], *turns, weight, 1e-6, cache,
            row.expand(length, -1), torch.arange(length),
        )  # fmt: skip
        row[-(-length // PAGE) :] = 1 << 20  # a page that is not there
    return cache, table


@pytest.mark.parametrize(
    ("latent", "rope", "heads", "newest", "dtype", "splits", "lengths"),
    [
        (64, 16, 4, 1, torch.bfloat16, 1, [0, 1, 64, 65, 150]),
        (64, 16, 3, 1, FP8, 3, [128, 0, 150]),
        (192, 24, 2, 2, torch.bfloat16, 3, [1, 65]),
        (192, 24, 2, 2, FP8, 2, [1, 65]),
        (20, 8, 5, 1, torch.bfloat16, 5, [0, 129]),
        (20, 8, 66, 1, torch.bfloat16, 1, [65]),  # two tiles of heads
        (64, 16, 33, 2, FP8, 1, [65]),  # likewise, of two tokens' heads
    ],
)
def test_kernel_equals_reference(
    latent: int,
    rope: int,
    heads: int,
    newest: int,
    dtype: torch.dtype,
    splits: int,
    lengths: list[int],
) -> None:
    lengths_B = torch.tensor(lengths).int()
    cache, table = _filled(len(lengths), latent, rope, dtype, lengths_B)
    generator = torch.Generator().manual_seed(heads)
    q = torch.randn(len(lengths), newest, heads, latent + rope, generator=generator).bfloat16()
    value = module._launch(q, cache, table, lengths_B, latent, SCALE, splits)
    exact = mla_decode_ref(q.double(), cache, table, lengths_B, latent, SCALE)
    assert value.dtype == torch.bfloat16
    assert relative_difference(value, exact) < RELATIVE[torch.bfloat16] / 4
    assert torch.equal(value.any(-1), exact.any(-1))


def test_no_sequence_and_no_page_give_nothing() -> None:
    cache = new_cache(1, 16, 8, torch.bfloat16, "cpu")
    q = torch.ones(2, 3, 24).bfloat16()
    for batch, pages in ((0, 2), (2, 0)):
        table = torch.zeros(batch, pages, dtype=torch.int32)
        lengths_B = torch.zeros(batch, dtype=torch.int32)
        value = mla_decode(q[:batch], cache, table, lengths_B, 16, SCALE)
        assert value.shape == (batch, 3, 16)
        assert not value.any()


def test_v3s_shape() -> None:
    lengths_B = torch.tensor([70]).int()
    cache, table = _filled(1, 512, 64, FP8, lengths_B)
    q = torch.randn(1, 16, 576, generator=torch.Generator().manual_seed(0)).bfloat16() / 8
    value = mla_decode(q, cache, table, lengths_B, 512, SCALE)
    exact = mla_decode_ref(q.double(), cache, table, lengths_B, 512, SCALE)
    assert relative_difference(value, exact) < RELATIVE[torch.bfloat16] / 4


@NUMPY_WARNS
@pytest.mark.parametrize("splits", [1, 3])
def test_a_number_that_is_not_one_reaches_the_result(splits: int) -> None:
    lengths_B = torch.tensor([150]).int()
    cache, table = _filled(1, 64, 16, torch.bfloat16, lengths_B)
    cache[table[0, 1].long(), 3, 7] = torch.nan
    q = torch.ones(1, 2, 80).bfloat16()
    assert module._launch(q, cache, table, lengths_B, 64, SCALE, splits).isnan().all()

"""The kernel that writes the latent cache leaves what its reference leaves."""

import pytest
import torch
from torch import Tensor

from kernels.latent_cache import PAGE, fp8_parts, new_cache, read_latents, write_latent
from kernels.latent_cache import write_latent_ref as reference
from tests.tolerance import RELATIVE, relative_difference

FP8 = torch.float8_e4m3fn
NUMPY_WARNS = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a GPU goes on in silence


def _inputs(rows: int, latent: int, rope: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(latent)
    joined = torch.randn(rows, latent + rope, generator=generator).bfloat16()
    rotation = torch.randn(2, rows, rope, generator=generator)
    weight = 1 + torch.randn(latent, generator=generator) / 4
    return [joined[:, :latent], joined[:, latent:], *rotation, weight.bfloat16()]


@pytest.mark.parametrize(("latent", "rope"), [(512, 64), (64, 16), (192, 6), (20, 2)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, FP8])
def test_kernel_equals_reference(dtype: torch.dtype, latent: int, rope: int) -> None:
    batch, newest = 3, 2
    inputs = _inputs(batch * newest, latent, rope)
    table = torch.randperm(9, generator=torch.Generator().manual_seed(0)).view(batch, 3).int()
    positions = torch.tensor([0, 1, PAGE - 1, PAGE, 2 * PAGE + 5, -1])
    kernel_cache, exact_cache = (new_cache(9, latent, rope, dtype, "cpu") for _ in range(2))
    write_latent(*inputs, 1e-6, kernel_cache, table, positions)
    reference(*(x.double() for x in inputs), 1e-6, exact_cache, table, positions)
    values, exact = read_latents(kernel_cache, latent), read_latents(exact_cache, latent)
    assert torch.equal(values.any(-1), exact.any(-1))
    assert int(values.any(-1).sum()) == 5
    assert relative_difference(values, exact) < RELATIVE[torch.bfloat16] / 10
    if dtype == FP8:
        scales, exact_scales = (
            fp8_parts(cache, latent).scales_PTG for cache in (kernel_cache, exact_cache)
        )
        assert relative_difference(scales, exact_scales) < 1e-6


@NUMPY_WARNS
def test_what_is_not_finite_stays_visible_in_fp8() -> None:
    inputs = _inputs(2, 256, 8)
    inputs[0][1, 200] = torch.inf
    cache = new_cache(1, 256, 8, FP8, "cpu")
    table = torch.zeros(2, 1, dtype=torch.int32)
    write_latent(*inputs, 1e-6, cache, table, torch.tensor([0, 1]))
    values = read_latents(cache, 256)[0]
    assert values[0].isfinite().all()
    assert values[1, 128:256].isnan().all()

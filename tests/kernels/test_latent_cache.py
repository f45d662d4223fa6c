"""What a step leaves in the latent cache, in both layouts, against complex numbers in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.latent_cache import PAGE, fp8_parts, new_cache, read_latents, rope_width, write_latent
from tests.tolerance import RELATIVE, relative_difference

FP8 = torch.float8_e4m3fn
EPS = 1e-6


def _inputs(rows: int, latent: int, rope: int, dtype: torch.dtype, seed: int) -> list[Tensor]:
    """Latents and rotary keys (as slices of one matrix), signed rotations, norm weights."""
    generator = torch.Generator().manual_seed(seed)
    joined = torch.randn(rows, 3 + latent + rope, generator=generator).to(dtype)
    angles = torch.randn(rows, rope // 2, generator=generator).repeat_interleave(2, dim=1)
    signs = torch.tensor([-1.0, 1.0]).repeat(rope // 2)
    weight = 1 + torch.randn(latent, generator=generator) / 4
    return [
        joined[:, 3 : 3 + latent],
        joined[:, 3 + latent :],
        angles.cos(),
        angles.sin() * signs,
        weight.to(dtype),
    ]


def _expected(latent: Tensor, k_rope: Tensor, cos: Tensor, sin: Tensor, weight: Tensor) -> Tensor:
    latent, weight = latent.double(), weight.double()
    normed = latent / (latent.square().mean(-1, keepdim=True) + EPS).sqrt() * weight
    turns = torch.complex(cos.double()[:, ::2], sin.double()[:, 1::2])
    pairs = torch.complex(k_rope.double()[:, ::2], k_rope.double()[:, 1::2])
    return torch.cat((normed, torch.view_as_real(pairs * turns).flatten(-2)), dim=-1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, FP8])
@given(
    batch=st.integers(1, 4),
    newest=st.integers(1, 3),
    latent=st.integers(1, 80).map(lambda n: 4 * n),
    rope=st.integers(1, 12).map(lambda n: 2 * n),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_step_is_written_to_its_places_and_nowhere_else(
    dtype: torch.dtype, batch: int, newest: int, latent: int, rope: int, seed: int
) -> None:
    kind = torch.bfloat16 if dtype == FP8 else dtype
    rows = batch * newest
    inputs = _inputs(rows, latent, rope, kind, seed)
    cache = new_cache(3 * batch + 1, latent, rope, dtype, "cpu")
    generator = torch.Generator().manual_seed(seed)
    table = torch.randperm(3 * batch, generator=generator).view(batch, 3).int()
    first = torch.randint(3 * PAGE - newest, (batch, 1), generator=generator)
    positions = (first + torch.arange(newest)).flatten()
    positions[-1] = -1
    write_latent(*inputs, EPS, cache, table, positions)

    values = read_latents(cache, latent)
    assert rope_width(cache, latent) == rope
    expected = _expected(*inputs)
    written = torch.zeros(values.shape[:2], dtype=torch.bool)
    for row, position in enumerate(positions[:-1].tolist()):
        page, slot = table[row // newest, position // PAGE], position % PAGE
        written[page, slot] = True
        value, exact = values[page, slot].double(), expected[row]
        assert relative_difference(value[latent:], exact[latent:]) < RELATIVE.get(kind, 1e-12)
        if dtype == FP8:
            coarsest = exact[:latent].abs().max() / 448 * 2**-10
            error = (value[:latent] - exact[:latent]).abs()
            assert bool((error <= exact[:latent].abs() * (2**-4 + 1e-5) + coarsest).all())
        else:
            assert relative_difference(value[:latent], exact[:latent]) < RELATIVE.get(kind, 1e-12)
    assert not values[~written].any()


def test_v3s_token_takes_656_bytes_in_fp8() -> None:
    cache = new_cache(2, 512, 64, FP8, "cpu")
    assert cache.dtype == torch.uint8
    assert cache.shape == (2, 64, 656)
    assert [part.shape[-1] for part in fp8_parts(cache, 512)] == [512, 4, 64]


def test_what_is_not_finite_stays_visible_in_fp8() -> None:
    inputs = _inputs(2, 256, 8, torch.bfloat16, 0)
    inputs[0][1, 200] = torch.nan
    cache = new_cache(1, 256, 8, FP8, "cpu")
    table = torch.zeros(2, 1, dtype=torch.int32)
    write_latent(*inputs, EPS, cache, table, torch.tensor([0, 1]))
    values = read_latents(cache, 256)[0]
    assert values[0].isfinite().all()
    assert values[1, :256].isnan().all()


def test_what_does_not_fit_together_is_refused_in_words() -> None:
    inputs = _inputs(2, 16, 4, torch.float32, 0)
    table, positions = torch.zeros(2, 1, dtype=torch.int32), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="latents of 16 and rotary keys of 4: make it by"):
        write_latent(*inputs, EPS, torch.zeros(1, PAGE, 21), table, positions)
    with pytest.raises(ValueError, match="2 latents, 3 positions"):
        write_latent(*inputs, EPS, torch.zeros(1, PAGE, 20), table, torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="kv_lora_rank \\(18\\) to be a multiple of 4"):
        new_cache(1, 18, 4, FP8, "cpu")

"""The AdamW kernel against its reference."""

import pytest
import torch

from kernels.adamw import BLOCK, adamw_step, adamw_step_ref
from tests.kernels.test_adamw import PLAIN, gradients, run
from tests.tolerance import RELATIVE, relative_difference


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [1, BLOCK, 2 * BLOCK + 77])
def test_the_kernel_equals_its_reference(dtype: torch.dtype, count: int) -> None:
    steps = gradients(count, 6)
    found, exact = (run(step, steps, dtype, **PLAIN) for step in (adamw_step, adamw_step_ref))
    for value, reference in zip(found, exact, strict=True):
        assert relative_difference(value, reference) < RELATIVE[dtype]


def test_moments_are_rounded_to_nearest_even() -> None:
    steps = gradients(BLOCK, 1)
    found, exact = (
        run(step, steps, torch.bfloat16, **PLAIN) for step in (adamw_step, adamw_step_ref)
    )
    # The same product may differ in its last fp32 bit, so a tie may fall either way, rarely.
    for value, reference in zip(found[1:], exact[1:], strict=True):
        assert float((value != reference).float().mean()) < 0.005

"""Every Triton kernel compiles for a Hopper GPU, fits its shared memory, and multiplies by its
tensor cores. Says nothing of what it computes; tests/kernels/interpreted does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="Triton is made for Linux")

SHARED = 227 * 1024
"""Bytes of shared memory that a program may have on Hopper."""

BF16, E4M3 = ("bf16",), ("e4m3",)
KERNELS = {
    "fp8": {
        ("_rms_norm_quant_kernel", ()),
        ("_swiglu_quant_kernel", ()),
        ("_quantize_rows_kernel", ()),
        ("_quantize_columns_kernel", ()),
        ("_quantize_blocks_kernel", ()),
        ("_gemm_kernel", E4M3),
    },
    "decode": {
        ("_write_latent", ()),
        ("_attend", BF16),
        ("_join", ()),
        ("_sort", ()),
        ("_gate_and_up", BF16),
        ("_gate_and_up", E4M3),
        ("_down", BF16),
        ("_down", E4M3),
        ("_combine", ()),
        ("_quantize_rows_kernel", ()),
        ("_quantize_blocks_kernel", ()),
    },
    "training": {("_adamw", ()), ("_softmax_parts", BF16), ("_logit_gradients", BF16)},
}
"""By group: kernels, and what their matrix instructions multiply."""


@pytest.mark.parametrize("group", KERNELS)
def test_kernels_compile_for_hopper(group: str, tmp_path: Path) -> None:
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_INTERPRET": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.compiled", group],
        env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    launches = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(launch["kernel"], tuple(launch["products"])) for launch in launches} == KERNELS[group]
    assert all(launch["shared"] <= SHARED for launch in launches)

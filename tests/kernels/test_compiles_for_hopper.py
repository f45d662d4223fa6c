"""Every Triton kernel compiles for an H100 or H200, for its tensor cores, within its limits."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SHARED_MEMORY = 227 << 10
SPILLED = 1 << 10
"""Bytes a program may keep in memory for want of registers: now and then one, not a tile."""
BF16, E4M3 = ("bf16",), ("e4m3",)
KERNELS = {
    ("_write_latent", ()),
    ("_attend", BF16), ("_join", ()),
    ("_sort", ()), ("_gate_and_up", BF16), ("_gate_and_up", E4M3), ("_down", BF16), ("_down", E4M3),
    ("_combine", ()),
    ("_softmax_parts", BF16), ("_logit_gradients", BF16),
    ("_gemm_kernel", E4M3),
    ("_quantize_rows_kernel", ()), ("_quantize_columns_kernel", ()),
    ("_quantize_blocks_kernel", ()),
    ("_rms_norm_quant_kernel", ()), ("_swiglu_quant_kernel", ()),
    ("_adamw", ()),
}  # fmt: skip
"""All there are, with what their matrix instructions multiply."""

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton is for Linux only")


@pytest.mark.timeout(600)  # 20 s of compiling, on a busy machine a minute
def test_kernels_compile_for_hoppers_tensor_cores() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.kernels.hopper"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for name, kernels in report.items():
        assert kernels, name
        for kernel in kernels:
            assert kernel["shared"] <= SHARED_MEMORY, (name, kernel)
            assert kernel["spilled"] <= SPILLED, (name, kernel)
            assert kernel["mma"] == 0, (name, kernel)
    launched = (kernel for kernels in report.values() for kernel in kernels)
    assert {(kernel["kernel"], tuple(kernel["products"])) for kernel in launched} == KERNELS

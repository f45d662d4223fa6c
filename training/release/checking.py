"""Whether transformers computes from a directory what we compute from it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernels.quantize import BLOCK
from training.model import hf, policy
from training.model.fp8_checkpoint import E4M3
from training.model.safetensors_io import read_header
from training.tasks.template import r1_prompt

TOLERANCE = 1e-4
"""Largest difference of two fp32 logits that rounding explains."""

PROMPT = r1_prompt("What is 27 + 58?")


def check(directory: Path, *, fp8: bool) -> str:
    """What was compared and how far it agrees. Raises RuntimeError when it does not."""
    if fp8 and _has_ragged_blocks(directory):
        return _check_dequantized(directory)
    difference = _required(directory, difference_in_transformers(directory, fp8=fp8))
    return f"transformers agrees, largest logit difference {difference:.1e}"


def _check_dequantized(directory: Path) -> str:
    """transformers takes the blocks of a matrix to be of one size, so it cannot read these."""
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".dequantized-") as plain:
        hf.save(hf.load(directory, torch.bfloat16), plain, directory)
        difference = _required(directory, difference_in_transformers(Path(plain)))
    return (
        "not opened in transformers as FP8, since it takes the blocks of a matrix to be of one "
        "size, while this model has sides that 128 does not divide; of the weights turned back "
        f"into bf16 transformers agrees, largest logit difference {difference:.1e}"
    )


@torch.inference_mode()
def difference_in_transformers(directory: Path, *, fp8: bool = False) -> float:
    """Largest difference of the logits of one prompt, fp32, ours against transformers'.

    Without a GPU transformers turns FP8 into bf16, so there both start from that.
    """
    tokens_1T = _tokens(directory)
    dtype = torch.bfloat16 if fp8 else torch.float32
    theirs = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).float().eval()
    ours = policy.load(directory, dtype).float().eval()
    difference_1TV = theirs(tokens_1T).logits - ours.logits(ours(tokens_1T))
    return float(difference_1TV.abs().max())


def _tokens(directory: Path) -> Tensor:
    tokens_1T: Tensor = AutoTokenizer.from_pretrained(directory)(
        PROMPT, return_tensors="pt"
    ).input_ids
    return tokens_1T


def _required(directory: Path, difference: float) -> float:
    if not difference <= TOLERANCE:  # nor is it NaN
        raise RuntimeError(f"transformers computes other logits from {directory}: it is removed")
    return difference


def _has_ragged_blocks(directory: Path) -> bool:
    return any(
        side > BLOCK and side % BLOCK
        for file in directory.glob("*.safetensors")
        for stored in read_header(file).values()
        if stored.dtype == E4M3
        for side in stored.shape
    )

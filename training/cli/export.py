"""export: a directory for transformers and vLLM, which transformers has opened before us."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from kernels.quantize import BLOCK
from training.cli.errors import UserError
from training.cli.models import load_model
from training.model import Transformer, hf, policy
from training.model.fp8_checkpoint import E4M3
from training.model.safetensors_io import read_header
from training.tasks.template import r1_prompt

TOLERANCE = 1e-4
"""Largest difference of two fp32 logits that rounding explains."""


def export_command(args: Namespace) -> int:
    """Write model and tokenizer, and check that transformers computes the same from them."""
    model, _, source = load_model(args.model, as_stored=True)
    if args.fp8 and not isinstance(model, Transformer):
        raise UserError("--fp8: only DeepSeek-V2 and V3 models have a published FP8 layout.")
    try:
        if isinstance(model, Transformer):
            hf.save(model, args.out, source, fp8=args.fp8)
        else:
            policy.save(model, args.out, source)
    except OSError as error:
        raise UserError(f"--out: {args.out} cannot be written ({error.strerror}).") from error
    if args.fp8 and _has_ragged_blocks(args.out):
        sys.stdout.write(
            f"{args.out}: not opened in transformers, which takes the blocks of a matrix to be of "
            "one size, while this model has sides that 128 does not divide\n"
        )
        return 0
    difference = difference_in_transformers(args.out, fp8=args.fp8)
    sys.stdout.write(
        f"{args.out}: transformers agrees, largest logit difference {difference:.1e}\n"
    )
    if not difference <= TOLERANCE:
        raise RuntimeError(f"transformers computes other logits from {args.out}: do not use it")
    return 0


@torch.inference_mode()
def difference_in_transformers(directory: Path, *, fp8: bool = False) -> float:
    """Largest difference of the logits of one prompt, fp32, ours against transformers'.

    Without a GPU transformers turns FP8 into bf16, so there both start from that.
    """
    text = r1_prompt("What is 27 + 58?")
    tokens_1T: Tensor = AutoTokenizer.from_pretrained(directory)(
        text, return_tensors="pt"
    ).input_ids
    dtype = torch.bfloat16 if fp8 else torch.float32
    theirs = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).float().eval()
    ours = policy.load(directory, dtype).float().eval()
    difference_1TV = theirs(tokens_1T).logits - ours.logits(ours(tokens_1T))
    return float(difference_1TV.abs().max())


def _has_ragged_blocks(directory: Path) -> bool:
    return any(
        side > BLOCK and side % BLOCK
        for file in directory.glob("*.safetensors")
        for stored in read_header(file).values()
        if stored.dtype == E4M3
        for side in stored.shape
    )

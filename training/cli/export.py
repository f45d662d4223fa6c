"""export: a directory for transformers and vLLM, which transformers has opened before us."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.cli.errors import UserError
from training.cli.models import load_model
from training.model import policy
from training.tasks.template import r1_prompt

TOLERANCE = 1e-4
"""Largest difference of two fp32 logits that rounding explains."""


def export_command(args: Namespace) -> int:
    """Write model and tokenizer, and check that transformers computes the same from them."""
    model, _, source = load_model(args.model, as_stored=True)
    try:
        policy.save(model, args.out, source)
    except OSError as error:
        raise UserError(f"--out: {args.out} cannot be written ({error.strerror}).") from error
    difference = difference_in_transformers(args.out)
    sys.stdout.write(
        f"{args.out}: transformers agrees, largest logit difference {difference:.1e}\n"
    )
    if not difference <= TOLERANCE:
        raise RuntimeError(f"transformers computes other logits from {args.out}: do not use it")
    return 0


@torch.inference_mode()
def difference_in_transformers(directory: Path) -> float:
    """Largest difference of the logits of one prompt, fp32, ours against transformers'."""
    text = r1_prompt("What is 27 + 58?")
    tokens_1T: Tensor = AutoTokenizer.from_pretrained(directory)(
        text, return_tensors="pt"
    ).input_ids
    theirs = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    ours = policy.load(directory, torch.float32).eval()
    difference_1TV = theirs(tokens_1T).logits - ours.logits(ours(tokens_1T))
    return float(difference_1TV.abs().max())

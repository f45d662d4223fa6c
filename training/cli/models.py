"""sample: completions by a model that is there."""

from __future__ import annotations

import sys
from argparse import Namespace
from math import inf
from pathlib import Path

import torch

from training.base_models import StartError, find_model
from training.cli.errors import UserError
from training.grpo.rollouts import text_of
from training.model import ModelConfigError, Policy, hf, policy
from training.model.dtype import best_dtype
from training.rollout import Sampling, sampler_of
from training.rollout.engine import SamplingError
from training.tasks.template import r1_prompt
from training.tokenizer import TextTokenizer, TokenizerError


def sample_command(args: Namespace) -> int:
    """Print completions of one question."""
    check_range("--count", args.count, 1)
    check_range("--max-new-tokens", args.max_new_tokens, 1)
    check_range("--temperature", args.temperature, 0, 10)
    model, tokenizer, _ = load_model(args.model)
    prompt = args.question if args.raw else r1_prompt(args.question)
    try:
        completions = sampler_of(model).generate(
            [tokenizer.encode_prompt(prompt)],
            group_size=args.count,
            sampling=Sampling(args.max_new_tokens, args.temperature),
            seeds=[args.seed],
            eos_id=tokenizer.eos_id,
        )
    except SamplingError as error:
        raise UserError(str(error)) from error
    for completion in completions:
        sys.stdout.write(text_of(completion, tokenizer) + "\n")
    return 0


def check_range(option: str, value: float, lowest: float, highest: float = inf) -> None:
    """Raises UserError for a value of a command's option that is out of its range."""
    if not lowest <= value <= highest:  # nor is it NaN
        upwards = f"{lowest} or more" if highest == inf else f"{lowest} to {highest:,}"
        raise UserError(f"{option}: {value} is not allowed, take {upwards}.")


def load_model(
    name: str, *, dtype: torch.dtype | None = None
) -> tuple[Policy, TextTokenizer, Path]:
    """Model, tokenizer and their directory, in `dtype` or the one that is fast here. Raises
    UserError."""
    try:
        source = find_model(name)
        model = policy.load(source, dtype or best_dtype())
        return model.eval(), TextTokenizer.load(source), source
    except (StartError, hf.CheckpointError, ModelConfigError, TokenizerError) as error:
        raise UserError(str(error)) from error

"""pretrain: make a base model."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from training.cli.errors import UserError
from training.config import ConfigError
from training.config.presets import pretrain_config
from training.pretrain import pretrain

REPORT_EVERY = 10
"""Steps between two lines in the terminal."""


def pretrain_command(args: Namespace) -> int:
    try:
        config = pretrain_config(args.preset)
    except ConfigError as error:
        raise UserError(str(error)) from error
    if args.steps is not None:
        if args.steps < 1:
            raise UserError(f"--steps: {args.steps} is not at least 1.")
        config = config.model_copy(update={"steps": args.steps})
    started = time.monotonic()

    def report(step: int, loss: float) -> None:
        if step % REPORT_EVERY and step not in (1, config.steps):
            return
        elapsed = time.monotonic() - started
        sys.stdout.write(f"step {step}/{config.steps}  loss {loss:.4f}  {elapsed:.0f} s\n")
        sys.stdout.flush()

    pretrain(config, args.out, report)
    return 0

"""pretrain: make a base model."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable

from training.cli.errors import UserError
from training.cli.train import read_arguments
from training.config import ConfigError, PretrainConfig
from training.config.presets import pretrain_config
from training.distributed.process import DeviceError
from training.model import ModelConfigError
from training.pretrain import pretrain

PRESET = "nano-base"
"""What settings are laid over where no preset is named."""
REPORT_EVERY = 10
"""Steps between two lines in the terminal."""


def pretrain_command(args: Namespace) -> int:
    """Train as CONFIG, --preset and --set say; print the loss now and then."""
    preset, overrides = read_arguments(args)
    try:
        config = pretrain_config(preset or PRESET, overrides)
        pretrain(config, args.out, _reporter(config))
    except (ConfigError, ModelConfigError, DeviceError) as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"--out: {args.out} cannot be written ({error.strerror}).") from error
    return 0


def _reporter(config: PretrainConfig) -> Callable[[int, float], None]:
    """Prints a line of step, loss and seconds since now."""
    started = time.monotonic()

    def report(step: int, loss: float) -> None:
        if step % REPORT_EVERY and step not in (1, config.steps):
            return
        elapsed = time.monotonic() - started
        sys.stdout.write(f"step {step}/{config.steps}  loss {loss:.4f}  {elapsed:.0f} s\n")
        sys.stdout.flush()

    return report

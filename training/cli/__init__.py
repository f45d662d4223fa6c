"""The trainer's commands: train, launch, pretrain, sample, evaluate, export."""

from training.cli.main import main

__all__ = ["main"]

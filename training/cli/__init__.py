"""The trainer's commands: python -m training train | launch | pretrain | sample | evaluate | export."""

from training.cli.main import main

__all__ = ["main"]

"""python -m training …: the trainer's commands."""

from training.cli import main

main()

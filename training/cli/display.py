"""What a person sees in the terminal: a progress bar, or plain lines where there is no terminal."""

from __future__ import annotations

from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.config import RunConfig

SHOWN = (
    ("reward/mean", "reward", 3),
    ("reward/accuracy", "accuracy", 3),
    ("preference/accuracy", "pairs right", 3),
    ("keep/rows_total", "rows", 0),
    ("sft/epoch", "epoch", 2),
    ("optim/loss", "loss", 3),
    ("completion/length_mean", "length", 1),
)
"""Metrics that a line shows where the step has them, with its word and digits."""


class Display:
    """Says nothing: that of all ranks but the first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def say(self, message: str) -> None:
        """Take a sentence for the person who watches."""

    def report(self, step: int, values: dict[str, float]) -> None:
        """Take a step's metrics, or an evaluation's."""


class Lines(Display):
    """One line for each step and each evaluation."""

    def __init__(self, steps: int, out: TextIO) -> None:
        self._steps = steps
        self._out = out

    def say(self, message: str) -> None:
        self._out.write(f"{message}\n")
        self._out.flush()

    def report(self, step: int, values: dict[str, float]) -> None:
        self._out.write(f"step {step}/{self._steps}  {summary(values)}\n")
        self._out.flush()


class Bar(Display):
    """A progress bar with the newest figures, and a line for each evaluation."""

    def __init__(self, steps: int, console: Console) -> None:
        self._progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
        )
        self._task = self._progress.add_task("loading", total=steps)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, message: str) -> None:
        self._progress.console.print(message)

    def report(self, step: int, values: dict[str, float]) -> None:
        if "eval/pass_at_1" in values:
            self._progress.console.print(f"step {step}  {summary(values)}")
        else:
            self._progress.update(self._task, completed=step, description=summary(values))


def summary(values: dict[str, float]) -> str:
    """The main figures in a line."""
    if "eval/pass_at_1" in values:
        low, high = values["eval/pass_at_1_low"], values["eval/pass_at_1_high"]
        return f"held-out pass@1 {values['eval/pass_at_1']:.3f} ({low:.3f} to {high:.3f})"
    shown = [f"{word} {values[name]:.{digits}f}" for name, word, digits in SHOWN if name in values]
    return "  ".join([*shown, f"{values['time/step_s']:.2f} s"])


def make_display(config: RunConfig, out: TextIO) -> Display:
    if out.isatty():
        return Bar(config.total_steps, Console(file=out))
    return Lines(config.total_steps, out)

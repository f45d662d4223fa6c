"""Evaluation as a stage: one model a step, all on the same problems with the same luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from training.grpo.evaluate import evaluate
from training.grpo.held_out import HeldOut
from training.grpo.stopwatch import Stopwatch
from training.model import Policy
from training.rollout import Engine, sampler_of
from training.safety.in_run import safety_values
from training.setup import Setup, check_room
from training.tokenizer import TextTokenizer
from training.work import Tell, Told, Work, counted

Open = Callable[[Path, TextTokenizer], list[HeldOut]]
"""The problems as another model is asked them: its directory, its tokenizer."""


class EvaluateWork(Work):
    """Measures models that are there; nothing is trained, and nothing has to be kept."""

    def __init__(
        self, setup: Setup, models: dict[str, Path], open_problems: Open, tell: Tell
    ) -> None:
        """`models` are their directories by their names; that of the first is the setup's own."""
        self._setup, self._models, self._open, self._tell = setup, models, open_problems, tell
        self.watch = Stopwatch(setup.process.device)

    @property
    def parameters(self) -> int:
        return counted(self._setup.model)

    @property
    def resumable(self) -> bool:
        return False

    def step(self, step: int) -> Told:
        setup, config = self._setup, self._setup.config
        name, directory = list(self._models.items())[step - 1]
        self._tell("phase", step, phase="evaluating")
        started = time.monotonic()
        model, tokenizer, held_out = self._opened(directory)
        sampler = self._sampler(model, tokenizer, step)
        values = evaluate(sampler, held_out, config, setup.process)
        values |= safety_values(setup, sampler, model, tokenizer, directory, step, name)
        values["time/evaluate_s"] = time.monotonic() - started
        self._tell(
            "evaluation", step, model=name, values=values, problems=config.evaluation.problems,
            completions_per_problem=config.evaluation.completions_per_problem,
        )  # fmt: skip
        return Told(tokens=0)

    def save(self, partial: Path) -> None:
        """Nothing: all models are measured anew."""

    def _opened(self, directory: Path) -> tuple[Policy, TextTokenizer, list[HeldOut]]:
        setup = self._setup
        if directory == setup.source:
            return self._ready(setup.model), setup.tokenizer, setup.held_out
        tokenizer = TextTokenizer.load(directory)
        model, held_out = setup.load(directory), self._open(directory, tokenizer)
        for one in held_out:
            check_room(setup.config.sampling, one, model)
        return self._ready(model), tokenizer, held_out

    def _ready(self, model: Policy) -> Policy:
        return model.eval().requires_grad_(False).to(self._setup.process.device)

    def _sampler(self, model: Policy, tokenizer: TextTokenizer, step: int) -> Engine:
        """vLLM takes any weights of the shape it was started with."""
        if self._setup.config.sampling.engine.type == "vllm":
            return self._setup.make_sampler(model, step)
        return sampler_of(model, decode=tokenizer.decode)

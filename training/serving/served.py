"""A model that is loaded, with the task and the rewards of its run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config import RunConfig
from training.model import Policy
from training.rollout import sampler_of
from training.rollout.engine import Streams
from training.serving.answers import Question
from training.serving.prompts import Talk, talk
from training.serving.requests import Ask, RefusedError
from training.serving.scoring import Scoring
from training.tasks import Problem, Task, TaskError, build_task, build_template
from training.tasks.template import Template
from training.tokenizer import TextTokenizer

MAX_TOKENS = 256
"""Of an answer by a model that belongs to no run, unless the request says more."""


@dataclass(frozen=True)
class RunParts:
    """What a run's config brings."""

    config: RunConfig
    task: Task
    template: Template
    scoring: Scoring


@dataclass(frozen=True)
class Served:
    tokenizer: TextTokenizer
    engine: Streams
    positions: int | None
    talk: Talk
    run: RunParts | None

    @classmethod
    def of(
        cls, model: Policy, tokenizer: TextTokenizer, source: Path, config: RunConfig | None
    ) -> Served:
        """Raises TaskError."""
        return cls(
            tokenizer,
            sampler_of(model, decode=tokenizer.decode),
            getattr(model.config, "max_position_embeddings", None),
            talk(None if config is None else config.task, source),
            None if config is None else _parts(config, source),
        )

    def about(self) -> dict[str, Any]:
        """What a page may say of it before the first question."""
        weights = {} if self.run is None else self.run.config.reward.weights
        return {
            "template": self.talk.template, "max_tokens": self._longest(), "rewards": weights,
            "positions": self.positions,
        }  # fmt: skip

    def problems(self, count: int) -> list[Problem]:
        """The first held-out ones. Raises RefusedError."""
        if self.run is None:
            raise RefusedError("problem: the model belongs to no run, so no task has problems.")
        try:
            return self.run.task.held_out_problems(count)
        except TaskError as error:
            raise RefusedError(
                f"problem: the task has fewer than {count} held-out problems."
            ) from error

    def question(self, ask: Ask) -> Question:
        """Raises RefusedError for what cannot be asked of this model."""
        if ask.problem is None:
            prompt, problem = self.talk.prompt(ask.messages), Problem(ask.messages[-1].content, "")
        else:
            problem = self.problems(ask.problem + 1)[-1]
            assert self.run is not None  # noqa: S101 - problems are of a run
            prompt = self.run.template(problem)
        tokens = self.tokenizer.encode_prompt(prompt)
        return Question(ask, prompt, tokens, self._room(ask, len(tokens)), problem)

    def _longest(self) -> int:
        return MAX_TOKENS if self.run is None else self.run.config.sampling.longest[1]

    def _room(self, ask: Ask, prompt: int) -> int:
        asked = ask.max_tokens or self._longest()
        if self.positions is None:
            return asked
        if prompt >= self.positions:
            raise RefusedError(
                f"messages: the prompt has {prompt} tokens, the model {self.positions} positions: "
                "send less."
            )
        return min(asked, self.positions - prompt)


def _parts(config: RunConfig, source: Path) -> RunParts:
    template = build_template(config.task, source)
    return RunParts(config, build_task(config.task), template, Scoring(config.task, config.reward))

"""Safety as part of a run: asked once a stage, of the policy that it ends with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.config import MixtureConfig
from training.model import Policy
from training.rollout import Engine, Sampling
from training.safety.evaluate import measure
from training.safety.report import keep, metrics
from training.setup import Setup
from training.tasks import build_template
from training.tokenizer import TextTokenizer


def safety_values(
    setup: Setup,
    engine: Engine,
    policy: Policy,
    tokenizer: TextTokenizer,
    source: Path,
    step: int,
    model: str | None = None,
) -> dict[str, float]:
    """The metrics, on rank 0, which also keeps the report; nothing on the others, or where the
    config asks for none.

    The policy is asked as the task asks it, a mixture's as its first part does. `source` is the
    tokenizer's directory, `step` the stage's, `model` what an evaluating stage calls the policy.
    """
    if setup.safety is None:
        return {}
    config, task = setup.config, setup.config.task
    asking = task.parts[0].task if isinstance(task, MixtureConfig) else task
    sampling = replace(
        Sampling.of(config.sampling, 1),
        max_new_tokens=config.sampling.longest[1],
        temperature=config.evaluation.temperature,
        top_p=config.evaluation.top_p,
        routing_replay=False,
    )
    found = measure(
        setup.safety, engine, policy, tokenizer, build_template(asking, source), sampling,
        setup.process, batch=config.evaluation_batch, step=setup.planned.before + step, model=model,
    )  # fmt: skip
    if found is None:
        return {}
    keep(found, setup.run_dir)
    return metrics(found)

"""A whole safety evaluation: sample, judge, control, report."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.base_models import find_model
from training.config import EndpointJudge, LocalJudge, MixtureConfig, RunConfig, SafetyConfig
from training.distributed.process import Process
from training.model import Policy
from training.rewards.endpoint import Endpoint
from training.rollout import Engine, Sampling
from training.safety.examine import examine
from training.safety.judges import FIELD, build_judge
from training.safety.keywords import Rules, read_rules
from training.safety.prompts import PromptSet, read_set
from training.safety.report import metrics, report, write
from training.safety.sampling import sample
from training.tasks import build_template
from training.tasks.template import Template
from training.tokenizer import TextTokenizer

SEED = 20250120
"""Of the first prompt. It never changes in a run: two policies are compared on the same luck."""


@dataclass(frozen=True)
class Ready:
    """What was read before anything is sampled."""

    config: SafetyConfig
    asked: PromptSet
    rules: Rules


def prepare(config: SafetyConfig) -> Ready:
    """Raises SafetyError, RewardError and StartError for what a person can
    mend: files that do not read, a key or a judge that is not there."""
    match config.judge:
        case EndpointJudge() as judge:
            Endpoint(judge, FIELD).close()
        case LocalJudge(path=path):
            find_model(path)
    return Ready(config, read_set(config.set), read_rules(config.keywords))


def measure(
    ready: Ready,
    engine: Engine,
    policy: Policy,
    tokenizer: TextTokenizer,
    template: Template,
    sampling: Sampling,
    process: Process,
    *,
    batch: int,
    seed: int = SEED,
    **of_the_model: Any,
) -> dict[str, Any] | None:
    """The report, on rank 0; the others do their share and get None."""
    mine = list(enumerate(ready.asked.prompts))[process.rank :: process.world_size]
    positions = getattr(policy.config, "max_position_embeddings", None)
    sampled = sample(
        engine, tokenizer, template, mine, sampling, positions=positions, batch=batch, seed=seed
    )
    judge = build_judge(ready.config.judge, process.device)
    with nullcontext() if judge is None else closing(judge):
        examined = examine(sampled, ready.rules, judge)
    gathered = process.gather(examined)
    if not process.is_main:
        return None
    drawn = {
        "temperature": sampling.temperature, "top_p": sampling.top_p,
        "max_new_tokens": sampling.max_new_tokens, "seed": seed,
    }  # fmt: skip
    places = {prompt.id: place for place, prompt in enumerate(ready.asked.prompts)}
    gathered.sort(key=lambda one: places[one.prompt.id])
    return report(
        gathered, ready.asked, ready.rules, ready.config.judge, **of_the_model, sampling=drawn
    )


def measure_in_run(
    ready: Ready,
    config: RunConfig,
    engine: Engine,
    policy: Policy,
    tokenizer: TextTokenizer,
    source: Path,
    process: Process,
    run_dir: Path,
    step: int,
) -> dict[str, float]:
    """The policy's metrics, on rank 0, which also writes safety.json; nothing on the others.

    It is asked as the run's task asks it, a mixture's as its first part does. `source` is the
    tokenizer's directory.
    """
    task = config.task
    asking = task.parts[0].task if isinstance(task, MixtureConfig) else task
    sampling = replace(
        Sampling.of(config.sampling, 1),
        max_new_tokens=config.sampling.longest[1],
        temperature=config.evaluation.temperature,
        top_p=config.evaluation.top_p,
        routing_replay=False,
    )
    found = measure(
        ready, engine, policy, tokenizer, build_template(asking, source), sampling, process,
        batch=config.evaluation_batch, step=step,
    )  # fmt: skip
    if found is None:
        return {}
    write(found, run_dir)
    return metrics(found)

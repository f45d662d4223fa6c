"""A whole safety evaluation: sample, judge, control, report."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any

from training.base_models import StartError, find_model
from training.config import EndpointJudge, LocalJudge, SafetyConfig
from training.distributed.process import Process
from training.model import Policy
from training.rewards.endpoint import Endpoint
from training.rollout import Engine, Sampling
from training.safety.examine import examine
from training.safety.judges import JUDGE_FIELD, build_judge
from training.safety.keywords import Rules, read_rules
from training.safety.prompts import PromptSet, SafetyError, read_set
from training.safety.report import report
from training.safety.sampling import sample
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
    """Raises SafetyError and RewardError for what a person can
    mend: files that do not read, a key or a judge that is not there."""
    match config.judge:
        case EndpointJudge() as judge:
            Endpoint(judge, JUDGE_FIELD).close()
        case LocalJudge(path=path):
            _find_judge(path)
    return Ready(config, read_set(config.set), read_rules(config.keywords))


def _find_judge(path: str) -> None:
    try:
        find_model(path)
    except StartError as error:  # which speaks of the run's own model
        message = str(error).replace("model.path", f"{JUDGE_FIELD}.path", 1)
        raise SafetyError(message) from error


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

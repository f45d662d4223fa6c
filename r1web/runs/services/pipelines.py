"""Configs of runs that take up a pipeline in its midst."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from r1web.errors import ConflictError, NotFoundError
from r1web.runs import selectors
from r1web.runs.models import Checkpoint, Run
from r1web.runs.sources import Product, Role, with_only
from training.config import ConfigError, RunConfig


def config_of_repeat(
    run: Run, config: Mapping[str, Any], stage: str, *, to_end: bool
) -> tuple[int, dict[str, Any]]:
    """Steps before the stage, and `config` with it alone, or with all after it, too.

    Raises NotFoundError, ConflictError or ConfigError.
    """
    own = selectors.pipeline_of(run)
    found = next((each for each in own.plan if each.name == stage), None) if own else None
    if found is None:
        raise NotFoundError(f"Run {run.pk} has no stage “{stage[:40]}”.")
    whole = _validated(config)
    place = whole.pipeline.index(stage) if stage in whole.pipeline else len(whole.pipeline)
    chosen = whole.pipeline[place:] if to_end else whole.pipeline[place : place + 1]
    return found.before, with_only(whole, _some(chosen), _products(run))


def config_from_checkpoint(
    run: Run, config: Mapping[str, Any], checkpoint: Checkpoint
) -> dict[str, Any] | None:
    """`config` with the stage in which the checkpoint lies, and those after it. One that trains the
    policy begins from the checkpoint. The last stage is taken again from the checkpoint of its end.
    None for a run without a pipeline.

    Raises ConflictError or ConfigError.
    """
    own = selectors.pipeline_of(run)
    if own is None:
        return None
    ahead = [each for each in own.plan if each.last_step > checkpoint.step] or own.plan[-1:]
    whole, names = _validated(config), {each.name for each in ahead}
    chosen = _some([name for name in whole.pipeline if name in names])
    tree = with_only(whole, chosen, _products(run))
    first = ahead[0]
    if first.name == chosen[0] and first.kind in ("grpo", "sft") and first.before < checkpoint.step:
        directory = selectors.run_directory(run) / checkpoint.path
        tree["stages"][first.name]["start"] = str(directory)
    return tree


def _validated(config: Mapping[str, Any]) -> RunConfig:
    try:
        return RunConfig.model_validate(config)
    except ValidationError as error:
        raise ConfigError.from_pydantic(error, config) from error


def _some(chosen: Sequence[str]) -> Sequence[str]:
    if not chosen:
        raise ConflictError("No stage is left of it: leave at least one in the pipeline.")
    return chosen


def _products(run: Run) -> Product:
    made = selectors.products_of(run)

    def product(stage: str, role: Role) -> str:
        path = made.get((stage, role))
        if path is None:
            raise ConflictError(
                f"Stage {stage} of run {run.pk} has not finished, and what it leaves is needed: "
                "wait until it has, or begin with an earlier stage.",
                code="stage_not_finished",
            )
        if not path.exists():
            raise ConflictError(
                f"What stage {stage} of run {run.pk} has left was deleted ({path.name}): begin "
                "with an earlier stage.",
                code="stage_deleted",
            )
        # A policy is found in its checkpoint; a reward model has to be named by its own directory.
        return str(path / "weights" if role == "reward_model" else path)

    return product

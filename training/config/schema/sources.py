"""What the stages of a pipeline begin with: whether it will be there when they do."""

from collections.abc import Mapping, Sequence

from training.config.schema.base import fail
from training.config.schema.stages import (
    BASE,
    PREVIOUS,
    PRODUCT,
    RESERVED,
    TRAINS_POLICY,
    DistillStageConfig,
    EvaluateStageConfig,
    SftStageConfig,
    StageConfig,
    is_outside,
)


def check_sources(pipeline: Sequence[str], stages: Mapping[str, StageConfig]) -> None:
    """Raises the error of a field that names what no stage before has made."""
    for name in stages:
        if name in RESERVED:
            raise fail(f"stages.{name}", f"A stage cannot be called {name}: choose another name.")
    for place, name in enumerate(pipeline):
        _check(name, stages[name], {other: stages[other].type for other in pipeline[:place]})


def _check(name: str, stage: StageConfig, before: Mapping[str, str]) -> None:
    policies = {other for other, kind in before.items() if kind in TRAINS_POLICY}
    field = f"stages.{name}"
    start = getattr(stage, "start", PREVIOUS)
    if start != PREVIOUS:
        _need(f"{field}.start", start, policies | {BASE}, "trains a policy")
    if isinstance(stage, SftStageConfig | DistillStageConfig):
        data = {other for other, kind in before.items() if kind == "rejection_sampling"}
        for place, source in enumerate(stage.data):
            _need(f"{field}.data.{place}", source, data, "is of type rejection_sampling")
    if isinstance(stage, EvaluateStageConfig):
        for place, source in enumerate(stage.models):
            _need(f"{field}.models.{place}", source, policies | {BASE}, "trains a policy")
    reward = getattr(stage, "reward", None)
    if reward is not None and reward.model and (found := PRODUCT.fullmatch(reward.model.path)):
        models = {other for other, kind in before.items() if kind == "reward_model"}
        _need(f"{field}.reward.model.path", found[1], models, "is of type reward_model")


def _need(field: str, source: str, known: set[str], what: str) -> None:
    if is_outside(source) or source in known:
        return
    names = ", ".join(sorted(known)) or "none"
    raise fail(
        field,
        f"No stage before this one is called “{source}” and {what} ({names}): name one, or a path "
        "with a / in it.",
    )


def policy_before(name: str, pipeline: Sequence[str], stages: Mapping[str, StageConfig]) -> str:
    """The stage whose weights `start = "previous"` of this one means; base where there is none."""
    found = BASE
    for other in pipeline[: pipeline.index(name)]:
        if stages[other].type in ("grpo", "sft"):
            found = other
    return found

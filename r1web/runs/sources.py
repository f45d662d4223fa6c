"""What the stages of a config begin with, and a config of which only some stages are left."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from training.config import DistillStageConfig, EvaluateStageConfig, RunConfig
from training.config.schema.sources import policy_before
from training.config.schema.stages import BASE, PREVIOUS, PRODUCT

Role = Literal["weights", "data", "reward_model", "model"]


class Source(NamedTuple):
    role: Role
    stage: str | None
    """Which stage makes it; None: none of this run."""
    path: str
    """As the config names it, where no stage makes it."""


Product = Callable[[str, Role], str]
"""Where what a stage has made lies."""


def sources_of(config: RunConfig, name: str) -> list[Source]:
    """What a stage of the pipeline begins with and learns from."""
    stage = config.stages[name]
    found = []
    if isinstance(stage, DistillStageConfig):
        found.append(Source("weights", None, stage.student))
    elif not isinstance(stage, EvaluateStageConfig):
        found.append(_source(config, "weights", _start(config, name)))
    found += [_source(config, "data", each) for each in getattr(stage, "data", [])]
    found += [_source(config, "model", each) for each in getattr(stage, "models", [])]
    reward = getattr(stage, "reward", None)
    if reward is not None and reward.model is not None:
        made = PRODUCT.fullmatch(reward.model.path)
        found.append(Source("reward_model", made and made[1], "" if made else reward.model.path))
    return found


def with_only(config: RunConfig, chosen: Sequence[str], product: Product) -> dict[str, Any]:
    """The config with these stages alone, which stand in the order of its pipeline. What stages
    before them have made they are given as `product` tells."""
    tree = config.model_dump(mode="json")
    stages = {name: _settled(config, name, chosen, product) for name in chosen}
    return {**tree, "pipeline": list(chosen), "stages": stages}


def _settled(
    config: RunConfig, name: str, chosen: Sequence[str], product: Product
) -> dict[str, Any]:
    def told(source: str, role: Role) -> str:
        made_before = source in config.pipeline and source not in chosen
        return product(source, role) if made_before else source

    stage: dict[str, Any] = config.stages[name].model_dump(mode="json")
    if "start" in stage:
        start = _start(config, name)
        settled = told(start, "weights")
        stage["start"] = stage["start"] if settled == start else settled
    for key, role in LISTS.items():
        if key in stage:
            stage[key] = [told(source, role) for source in stage[key]]
    model = stage.get("reward", {}).get("model")
    made = PRODUCT.fullmatch(model["path"]) if model else None
    if made and made[1] not in chosen:
        model["path"] = product(made[1], "reward_model")
    return stage


LISTS: dict[str, Role] = {"data": "data", "models": "weights"}
"""Fields of stages that name several sources."""


def _start(config: RunConfig, name: str) -> str:
    start: str = getattr(config.stages[name], "start", PREVIOUS)
    return policy_before(name, config.pipeline, config.stages) if start == PREVIOUS else start


def _source(config: RunConfig, role: Role, named: str) -> Source:
    if named in config.pipeline:
        return Source(role, named, "")
    return Source(role, None, config.model.path if named == BASE else named)


def files_named(config: RunConfig) -> dict[str, str]:
    """Whatever the config names that may be a path: every text with a slash in it, by field."""
    return dict(_with_slash(config.model_dump(mode="json"), ""))


def _with_slash(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and "/" in value:
        yield path, value
    inside: Iterable[tuple[object, object]] = ()
    if isinstance(value, dict | list):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inside:
        yield from _with_slash(below, f"{path}.{key}" if path else str(key))

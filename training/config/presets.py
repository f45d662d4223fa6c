"""Presets: short TOML files, laid over the defaults, under a person's own overrides."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from training.config.problems import ConfigError
from training.config.schema import PretrainConfig, RunConfig
from training.config.schema.stages import SHIPPED, tables_of

PRESETS_DIR = Path(__file__).parent / "presets"
PRETRAIN_PRESETS = SHIPPED
"""How the models that ship were made."""
REPLACED_WHOLE = frozenset({"options"})
"""Tables that are one value: the options of one task mean nothing to another."""

_Config = TypeVar("_Config", RunConfig, PretrainConfig)


@dataclass(frozen=True)
class Resolved:
    """A config as it will run. `digest` is the SHA-256 of its canonical JSON."""

    config: RunConfig
    overrides: dict[str, Any]
    """Dotted paths at which the config differs from its preset, with their values."""
    digest: str

    def as_json(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")


def preset_names() -> list[str]:
    """Presets a run can be started from."""
    names = {path.stem for path in PRESETS_DIR.glob("*.toml")}
    return sorted(names - PRETRAIN_PRESETS)


def preset_overrides(name: str) -> dict[str, Any]:
    """The preset's own settings, as nested tables. Raises ConfigError for an unknown name."""
    if name not in preset_names():
        known = ", ".join(preset_names())
        shown = str(name)[:60]  # a file may hold anything there
        raise ConfigError.of("preset", f"There is no preset “{shown}”. Choose one of: {known}.")
    return _read(name)


def resolve(preset: str | None, overrides: Mapping[str, Any]) -> Resolved:
    """Lay `overrides` (nested) over the preset (or the defaults) and validate the whole.

    Raises ConfigError, which names every field at fault.
    """
    own = preset_overrides(preset) if preset is not None else {}
    base = merge(_types(RunConfig().model_dump()), own)
    config = _validated(RunConfig, _laid_under_stages(merge(base, overrides)))
    before = flatten(_validated(RunConfig, _laid_under_stages(base)).model_dump(mode="json"))
    after = flatten(config.model_dump(mode="json"))
    changed = {path: value for path, value in after.items() if before.get(path) != value}
    changed |= {path: None for path in before if path not in after}
    return Resolved(config=config, overrides=changed, digest=digest(config))


def pretrain_config(preset: str, overrides: Mapping[str, Any] | None = None) -> PretrainConfig:
    """`overrides` (nested) laid over the pretraining preset of that name.

    Raises ConfigError for an unknown preset, and one that names every field at fault.
    """
    known = sorted(PRETRAIN_PRESETS)
    if preset not in known:
        raise ConfigError.of(
            "preset", f"There is no pretraining preset “{preset}”, only {', '.join(known)}."
        )
    return _validated(PretrainConfig, merge(_read(preset), overrides or {}))


def digest(config: RunConfig) -> str:
    canonical = json.dumps(config.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on it, table by table; neither is changed.

    A task's `options` are replaced whole, and so is a table of another `type`.
    """
    merged = dict(base)
    for key, value in over.items():
        below = None if key in REPLACED_WHOLE else merged.get(key)
        if _other_type(below, value):
            below = None
        both_tables = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(below, value) if both_tables else value  # type: ignore[arg-type]
    return merged


def _laid_under_stages(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The run's own tables under those of its stages, so that each stage says all."""
    stages = tree.get("stages")
    if not isinstance(stages, Mapping):
        return dict(tree)
    return {**tree, "stages": {name: _laid_under(tree, stage) for name, stage in stages.items()}}


def _laid_under(tree: Mapping[str, Any], stage: object) -> object:
    if not isinstance(stage, Mapping):
        return stage
    below = {name: tree[name] for name in tables_of(stage.get("type")) if name in tree}
    return merge(below, stage)


def _other_type(below: object, over: object) -> bool:
    """Whether both are tables that name their type, and not the same."""
    types = [table.get("type") for table in (below, over) if isinstance(table, Mapping)]
    return None not in types and len(set(types)) > 1


def _types(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Of nested tables only which type each is of: a setting may leave that to the defaults."""
    below = {key: _types(value) for key, value in tree.items() if isinstance(value, Mapping)}
    kept = {key: value for key, value in below.items() if value}
    return {"type": tree["type"], **kept} if "type" in tree else kept


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"grpo": {"steps": 3}} → {"grpo.steps": 3}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = value
    return flat


def _validated(kind: type[_Config], data: Mapping[str, Any]) -> _Config:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise ConfigError.from_pydantic(error, data) from error


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((PRESETS_DIR / f"{name}.toml").read_text(encoding="utf-8"))

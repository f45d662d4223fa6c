"""What a stage begins with: the directories and files that its config names."""

from __future__ import annotations

from pathlib import Path

from training import checkpoint
from training.base_models import StartError, find_model
from training.config import (
    DistillStageConfig,
    EvaluateStageConfig,
    Planned,
    RewardConfig,
    RunConfig,
    SftStageConfig,
)
from training.config.schema.sources import policy_before
from training.config.schema.stages import BASE, PREVIOUS, PRODUCT, is_outside
from training.events import StageInput
from training.rejection import dataset


class Sources:
    """Of the stages of one run."""

    def __init__(self, config: RunConfig, run_dir: Path) -> None:
        self._config, self._run_dir = config, run_dir
        self._planned = {planned.name: planned for planned in config.plan}

    def weights(self, planned: Planned) -> Path:
        """The model directory that a stage begins with. Raises StartError."""
        if not self._config.pipeline:
            return find_model(self._config.model.path)
        stage = self._config.stages[planned.name]
        field = f"stages.{planned.name}"
        if isinstance(stage, DistillStageConfig):
            return self._model(stage.student, f"{field}.student")
        if isinstance(stage, EvaluateStageConfig):
            return self._policy(stage.models[0], f"{field}.models.0")
        return self._policy(self._start(planned), f"{field}.start")

    def models(self, planned: Planned) -> dict[str, Path]:
        """The directories of what an evaluate stage evaluates, by their names."""
        stage = self._config.stages[planned.name]
        names = stage.models if isinstance(stage, EvaluateStageConfig) else []
        field = f"stages.{planned.name}.models"
        return {name: self._policy(name, f"{field}.{n}") for n, name in enumerate(names)}

    def data(self, planned: Planned) -> dict[str, Path]:
        """The files that a stage learns from, by the field that names each."""
        return {field: self._file(name) for field, name in self._data(planned).items()}

    def reward(self, reward: RewardConfig, planned: Planned) -> RewardConfig:
        """With the directory of its reward model, where a stage before has made that."""
        found = reward.model and PRODUCT.fullmatch(reward.model.path)
        if reward.model is None or not found:
            return reward
        directory = self._of_stage(found[1], f"stages.{planned.name}.reward.model.path")
        model = reward.model.model_copy(update={"path": str(directory)})
        return reward.model_copy(update={"model": model})

    def told(self, planned: Planned) -> list[StageInput]:
        """All of it, for the journal."""
        if not self._config.pipeline:
            return []
        stage = self._config.stages[planned.name]
        if isinstance(stage, EvaluateStageConfig):
            return [self._input("model", name, self.models(planned)[name]) for name in stage.models]
        start = BASE if isinstance(stage, DistillStageConfig) else self._start(planned)
        found = [self._input("weights", start, self.weights(planned))]
        found += [
            self._input("data", name, self._file(name)) for name in self._data(planned).values()
        ]
        model = getattr(getattr(stage, "reward", None), "model", None)
        made = model and PRODUCT.fullmatch(model.path)
        if made:
            directory = self._of_stage(made[1], "reward.model.path")
            found.append(self._input("reward_model", made[1], directory))
        return found

    def _start(self, planned: Planned) -> str:
        start: str = getattr(self._config.stages[planned.name], "start", BASE)
        if start != PREVIOUS:
            return start
        return policy_before(planned.name, self._config.pipeline, self._config.stages)

    def _data(self, planned: Planned) -> dict[str, str]:
        stage = self._config.stages.get(planned.name)
        names = stage.data if isinstance(stage, SftStageConfig | DistillStageConfig) else []
        return {f"stages.{planned.name}.data.{n}": name for n, name in enumerate(names)}

    def _policy(self, source: str, field: str) -> Path:
        if source == BASE:
            return find_model(self._config.model.path)
        return self._model(source, field) if is_outside(source) else self._of_stage(source, field)

    def _model(self, path: str, field: str) -> Path:
        try:
            return find_model(path)
        except StartError as error:
            raise StartError(str(error).replace("model.path", field, 1)) from error

    def _of_stage(self, name: str, field: str) -> Path:
        """The weights that a stage has left."""
        last = self._planned[name].last_step
        directory = checkpoint.path_of(self._run_dir, last) / checkpoint.WEIGHTS
        if not directory.is_dir():
            raise StartError(
                f"{field}: the stage {name} has left no checkpoint of its last step ({last}): "
                "resume the run from an earlier one."
            )
        return directory

    def _file(self, name: str) -> Path:
        return Path(name).expanduser() if is_outside(name) else dataset.path_of(self._run_dir, name)

    def _input(self, role: str, name: str, path: Path) -> StageInput:
        inside = path.is_relative_to(self._run_dir)
        return StageInput.model_validate({
            "role": role,
            "stage": name if name in self._planned else None,
            "path": str(path.relative_to(self._run_dir) if inside else path),
        })  # fmt: skip

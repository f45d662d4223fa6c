"""The config of a run: every field with its unit, range and meaning, a table a file.

The form in the browser, the REST API and the trainer all read this one schema.
Validators check; they never rewrite a neighbour.
"""

from training.config.schema.base import Fraction, Strict, fail, unit
from training.config.schema.checkpoint import CheckpointConfig
from training.config.schema.correction import CorrectionConfig
from training.config.schema.curriculum import LevelsConfig, PassRatesConfig
from training.config.schema.dynamic_sampling import DynamicSamplingConfig
from training.config.schema.evaluation import EvaluationConfig, EvaluationSetConfig
from training.config.schema.grpo import GrpoConfig
from training.config.schema.hardware import HardwareConfig
from training.config.schema.loss import (
    AdvantageScale,
    Aggregation,
    CispoLoss,
    DapoLoss,
    DrGrpoLoss,
    GrpoLoss,
    GspoLoss,
    Loss,
)
from training.config.schema.model import ModelConfig, StartConfig
from training.config.schema.optim import OptimConfig
from training.config.schema.pretrain import PretrainConfig
from training.config.schema.resume import ResumeConfig
from training.config.schema.reward import (
    CustomRewardConfig,
    JudgeConfig,
    Language,
    LanguageConfig,
    LengthConfig,
    OverlongConfig,
    Reads,
    RepetitionConfig,
    RewardConfig,
    RewardModelConfig,
)
from training.config.schema.rollouts import RolloutsConfig
from training.config.schema.run import RunConfig, json_schema
from training.config.schema.sampling import GrowthConfig, NativeSampler, SamplingConfig, VllmSampler
from training.config.schema.task import (
    CodeTaskConfig,
    FileTaskConfig,
    FromFilesConfig,
    MixtureConfig,
    PartConfig,
    PythonTaskConfig,
    ReasoningGymConfig,
    SingleTaskConfig,
    TaskConfig,
    task_name,
)

__all__ = [
    "AdvantageScale",
    "Aggregation",
    "CheckpointConfig",
    "CispoLoss",
    "CodeTaskConfig",
    "CorrectionConfig",
    "CustomRewardConfig",
    "DapoLoss",
    "DrGrpoLoss",
    "DynamicSamplingConfig",
    "EvaluationConfig",
    "EvaluationSetConfig",
    "FileTaskConfig",
    "Fraction",
    "FromFilesConfig",
    "GrowthConfig",
    "GrpoConfig",
    "GrpoLoss",
    "GspoLoss",
    "HardwareConfig",
    "JudgeConfig",
    "Language",
    "LanguageConfig",
    "LengthConfig",
    "LevelsConfig",
    "Loss",
    "MixtureConfig",
    "ModelConfig",
    "NativeSampler",
    "OptimConfig",
    "OverlongConfig",
    "PartConfig",
    "PassRatesConfig",
    "PretrainConfig",
    "PythonTaskConfig",
    "Reads",
    "ReasoningGymConfig",
    "RepetitionConfig",
    "ResumeConfig",
    "RewardConfig",
    "RewardModelConfig",
    "RolloutsConfig",
    "RunConfig",
    "SamplingConfig",
    "SingleTaskConfig",
    "StartConfig",
    "Strict",
    "TaskConfig",
    "VllmSampler",
    "fail",
    "json_schema",
    "task_name",
    "unit",
]

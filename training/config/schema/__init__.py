"""The config of a run: every field with its unit, range and meaning, a table a file.

The form in the browser, the REST API and the trainer all read this one schema.
Validators check; they never rewrite a neighbour.
"""

from training.config.schema.base import Fraction, Strict, fail, unit
from training.config.schema.checkpoint import CheckpointConfig
from training.config.schema.correction import CorrectionConfig
from training.config.schema.curriculum import LevelsConfig, PassRatesConfig
from training.config.schema.dynamic_sampling import DynamicSamplingConfig
from training.config.schema.endpoint import EndpointConfig
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
from training.config.schema.model import DenseConfig, ModelConfig, StartConfig
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
from training.config.schema.run import PLAIN, Planned, RunConfig, json_schema
from training.config.schema.safety import (
    EndpointJudge,
    LocalJudge,
    NoJudge,
    SafetyConfig,
    SafetyJudge,
)
from training.config.schema.sampling import GrowthConfig, NativeSampler, SamplingConfig, VllmSampler
from training.config.schema.stages import (
    DistillStageConfig,
    EvaluateStageConfig,
    GrpoStageConfig,
    KeepConfig,
    RejectionSamplingStageConfig,
    RewardModelStageConfig,
    SftStageConfig,
    StageConfig,
    StageKind,
)
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
    "PLAIN",
    "AdvantageScale",
    "Aggregation",
    "CheckpointConfig",
    "CispoLoss",
    "CodeTaskConfig",
    "CorrectionConfig",
    "CustomRewardConfig",
    "DapoLoss",
    "DenseConfig",
    "DistillStageConfig",
    "DrGrpoLoss",
    "DynamicSamplingConfig",
    "EndpointConfig",
    "EndpointJudge",
    "EvaluateStageConfig",
    "EvaluationConfig",
    "EvaluationSetConfig",
    "FileTaskConfig",
    "Fraction",
    "FromFilesConfig",
    "GrowthConfig",
    "GrpoConfig",
    "GrpoLoss",
    "GrpoStageConfig",
    "GspoLoss",
    "HardwareConfig",
    "JudgeConfig",
    "KeepConfig",
    "Language",
    "LanguageConfig",
    "LengthConfig",
    "LevelsConfig",
    "LocalJudge",
    "Loss",
    "MixtureConfig",
    "ModelConfig",
    "NativeSampler",
    "NoJudge",
    "OptimConfig",
    "OverlongConfig",
    "PartConfig",
    "PassRatesConfig",
    "Planned",
    "PretrainConfig",
    "PythonTaskConfig",
    "Reads",
    "ReasoningGymConfig",
    "RejectionSamplingStageConfig",
    "RepetitionConfig",
    "ResumeConfig",
    "RewardConfig",
    "RewardModelConfig",
    "RewardModelStageConfig",
    "RolloutsConfig",
    "RunConfig",
    "SafetyConfig",
    "SafetyJudge",
    "SamplingConfig",
    "SftStageConfig",
    "SingleTaskConfig",
    "StageConfig",
    "StageKind",
    "StartConfig",
    "Strict",
    "TaskConfig",
    "VllmSampler",
    "fail",
    "json_schema",
    "task_name",
    "unit",
]

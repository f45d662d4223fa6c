"""The policy's loss: one variant of GRPO, chosen by `type`."""

from typing import Annotated, Literal

from pydantic import Field

from training.config.schema.base import Strict

Aggregation = Annotated[
    Literal["sequence", "token", "constant"],
    Field(
        description="How tokens become one loss. sequence: mean over completions of the mean over "
        "their tokens. token: mean over all tokens of the step. constant: sum over tokens, over "
        "completions times sampling.max_new_tokens."
    ),
]
AdvantageScale = Annotated[
    Literal["group", "batch", "none"],
    Field(
        description="What the reward less its group's mean is divided by: the standard deviation "
        "of the group, that of the whole step, or nothing."
    ),
]


class GrpoLoss(Strict):
    """GRPO as the DeepSeek-R1 paper sets it."""

    type: Literal["grpo"] = "grpo"
    clip_eps: float = Field(
        10.0, gt=0, description="The ratio is clipped to 1 ± this. R1 states 10."
    )
    aggregation: Aggregation = "sequence"
    advantage_scale: AdvantageScale = "group"


class DrGrpoLoss(Strict):
    """Dr. GRPO: neither a completion's length nor a group's spread weighs its gradient."""

    type: Literal["dr_grpo"] = "dr_grpo"
    clip_eps: float = Field(0.2, gt=0, description="The ratio is clipped to 1 ± this.")
    aggregation: Aggregation = "constant"
    advantage_scale: AdvantageScale = "none"


class DapoLoss(Strict):
    """DAPO: more room upwards than downwards, and every token counts alike."""

    type: Literal["dapo"] = "dapo"
    clip_eps_low: float = Field(0.2, gt=0, description="The ratio is kept above 1 less this.")
    clip_eps_high: float = Field(0.28, gt=0, description="The ratio is kept below 1 plus this.")
    aggregation: Aggregation = "token"
    advantage_scale: AdvantageScale = "group"


class GspoLoss(Strict):
    """GSPO: one ratio a completion, the geometric mean of its tokens' ratios."""

    type: Literal["gspo"] = "gspo"
    clip_eps_low: float = Field(
        3e-4, gt=0, description="The completion's ratio is kept above 1 less this."
    )
    clip_eps_high: float = Field(
        4e-4, gt=0, description="The completion's ratio is kept below 1 plus this."
    )
    aggregation: Aggregation = "sequence"
    advantage_scale: AdvantageScale = "group"


class CispoLoss(Strict):
    """CISPO: the ratio is a weight, cut off from above; no token loses its gradient."""

    type: Literal["cispo"] = "cispo"
    weight_max: float = Field(5.0, gt=0, description="Largest weight of a token.")
    aggregation: Aggregation = "token"
    advantage_scale: AdvantageScale = "group"


Loss = Annotated[
    GrpoLoss | DrGrpoLoss | DapoLoss | GspoLoss | CispoLoss, Field(discriminator="type")
]

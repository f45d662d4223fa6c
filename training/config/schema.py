"""The config of a run: every field with its unit, range and meaning.

The form in the browser, the REST API and the trainer all read this one schema.
Validators check; they never rewrite a neighbour.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def unit(name: str) -> dict[str, Any]:
    """JSON Schema extra that tells the form which unit to print beside the field."""
    return {"unit": name}


def fail(path: str, message: str) -> PydanticCustomError:
    """An error about how fields fit together, laid at the field a person should change."""
    return PydanticCustomError("does_not_fit", "{message}", {"path": path, "message": message})


Fraction = Annotated[float, Field(ge=0, le=1)]


class ModelConfig(Strict):
    """Architecture of a DeepSeek-V3-style model; the fields bear DeepSeek's names."""

    vocab_size: int = Field(512, ge=16)
    hidden_size: int = Field(256, ge=8)
    intermediate_size: int = Field(768, ge=8, description="Width of the dense feed-forward.")
    moe_intermediate_size: int = Field(192, ge=8, description="Width of one expert.")
    num_hidden_layers: int = Field(4, ge=1)
    first_k_dense_replace: int = Field(1, ge=0, description="Leading layers without experts.")
    num_attention_heads: int = Field(4, ge=1)
    q_lora_rank: int | None = Field(128, ge=1, description="Null: queries are not compressed.")
    kv_lora_rank: int = Field(64, ge=1)
    qk_nope_head_dim: int = Field(32, ge=1)
    qk_rope_head_dim: int = Field(16, ge=2, multiple_of=2)
    v_head_dim: int = Field(32, ge=1)
    n_routed_experts: int = Field(8, ge=1)
    n_shared_experts: int = Field(1, ge=0)
    num_experts_per_tok: int = Field(2, ge=1)
    n_group: int = Field(1, ge=1)
    topk_group: int = Field(1, ge=1)
    scoring_func: Literal["sigmoid", "softmax"] = Field(
        "sigmoid", description="How the router scores experts: V3 by sigmoid, V2 by softmax."
    )
    topk_method: Literal["noaux_tc", "greedy", "group_limited_greedy"] = Field(
        "noaux_tc",
        description="How experts are selected: V3 with a balancing bias, V2 by score alone.",
    )
    norm_topk_prob: bool = True
    routed_scaling_factor: float = Field(1.0, gt=0)
    rope_theta: float = Field(10000.0, gt=0)
    rms_norm_eps: float = Field(1e-6, gt=0)
    max_position_embeddings: int = Field(512, ge=16)
    num_nextn_predict_layers: Literal[0, 1] = Field(
        0, description="1: one more layer that predicts the token after next (MTP)."
    )
    tie_word_embeddings: bool = True
    initializer_range: float = Field(0.02, gt=0)


class StartConfig(Strict):
    """Where the policy's weights come from."""

    path: str = Field(
        "nano-base",
        min_length=1,
        max_length=1024,
        description="A checkpoint that ships with r1web (nano-base) or a directory in Hugging "
        "Face layout on the node.",
    )


class TaskConfig(Strict):
    """Which problems the policy is asked, and how."""

    type: Literal["reasoning_gym"] = "reasoning_gym"
    name: Literal[
        "chain_sum", "basic_arithmetic", "products", "gcd", "lcm", "decimal_chain_sum", "count_bits"
    ] = Field("chain_sum", description="Task of the reasoning-gym package.")
    options: dict[str, int | float | bool | str] = Field(
        default_factory=dict,
        description="Options of the task's generator, for example min_terms, max_terms, min_digits "
        "and max_digits of chain_sum.",
    )
    template: Literal["r1"] = Field(
        "r1", description="How a question becomes a prompt: R1's <think>, <answer> instruction."
    )


class RewardConfig(Strict):
    """Rule rewards; the total is the weighted sum of the parts."""

    accuracy: float = Field(
        1.0, ge=0, le=100, description="Weight of the answer being right, by the task's verifier."
    )
    format: float = Field(
        1.0,
        ge=0,
        le=100,
        description="Weight of the form: one <think> part, then one <answer>, nothing else.",
    )


class GrpoConfig(Strict):
    """Group Relative Policy Optimization as in the DeepSeek-R1 paper."""

    steps: int = Field(300, ge=1, le=10_000_000, description="Optimiser steps in all.")
    prompts_per_step: int = Field(
        8,
        ge=1,
        le=65536,
        description="Distinct questions in a step.",
        json_schema_extra=unit("prompts"),
    )
    group_size: int = Field(
        16,
        ge=2,
        le=4096,
        description="Completions sampled for each question; the advantage compares them.",
        json_schema_extra=unit("completions"),
    )
    steps_per_collection: int = Field(
        1,
        ge=1,
        le=1024,
        description="Optimiser steps taken on one collection of rollouts (R1: 16). One is "
        "on-policy.",
        json_schema_extra=unit("steps"),
    )
    clip_eps: float = Field(
        10.0, gt=0, description="The ratio is clipped to 1 ± this. R1 states 10."
    )
    kl_coef: float = Field(
        0.001, ge=0, le=10, description="Weight β of the k3 KL to the reference policy."
    )
    ref_refresh_steps: int = Field(
        400,
        ge=0,
        description="The reference policy is replaced by the policy each so many steps; 0 never.",
        json_schema_extra=unit("steps"),
    )


class SamplingConfig(Strict):
    """How completions are drawn from the policy."""

    engine: Literal["native"] = "native"
    speculative: bool = Field(
        False,
        description="The multi-token prediction layer drafts and the model checks: the same "
        "distribution, fewer passes. Needs a model with such a layer.",
    )
    max_new_tokens: int = Field(
        64, ge=1, le=131072, description="Longest completion.", json_schema_extra=unit("tokens")
    )
    temperature: float = Field(1.0, gt=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)


class OptimConfig(Strict):
    """AdamW."""

    learning_rate: float = Field(3e-4, gt=0, le=1)
    warmup_steps: int = Field(0, ge=0, json_schema_extra=unit("steps"))
    beta1: float = Field(0.9, ge=0, lt=1)
    beta2: float = Field(0.95, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0, le=1)
    grad_clip: float = Field(
        1.0, gt=0, description="The gradient is scaled down to this norm when it is larger."
    )
    expert_bias_rate: float = Field(
        0.001,
        ge=0,
        le=1,
        description="γ: how far the experts' selection bias moves against their load each step.",
    )
    balance_loss: float = Field(
        0.0,
        ge=0,
        le=1,
        description="α: weight of the sequence-wise expert balance loss. V3: 0.0001.",
    )
    mtp_weight: float = Field(
        0.1,
        ge=0,
        le=10,
        description="λ: weight of the multi-token prediction loss, for models with such a layer.",
    )
    moment_dtype: Literal["fp32", "bf16"] = Field(
        "fp32", description="AdamW's moments. V3 keeps them in bf16: 4 bytes a weight less."
    )


class EvaluationConfig(Strict):
    """Held-out problems, never trained on."""

    every_steps: int = Field(
        20, ge=0, description="0 switches evaluation off.", json_schema_extra=unit("steps")
    )
    problems: int = Field(256, ge=1, le=100_000, json_schema_extra=unit("problems"))
    completions_per_problem: int = Field(1, ge=1, le=1024, json_schema_extra=unit("completions"))
    temperature: float = Field(1.0, ge=0, le=10, description="0 takes the likeliest token.")
    top_p: float = Field(1.0, gt=0, le=1)


class CheckpointConfig(Strict):
    """When the state is written, and how much of it is kept."""

    every_steps: int = Field(50, ge=1, json_schema_extra=unit("steps"))
    keep_last: int = Field(3, ge=1, le=1000, json_schema_extra=unit("checkpoints"))


class HardwareConfig(Strict):
    """What the job runs on."""

    processes: int = Field(
        1, ge=1, le=4096, description="Training processes (one a GPU; on a laptop 1 or 2)."
    )
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "bf16", "fp32", "fp8"] = Field(
        "auto",
        description="auto: bf16 where the processor is fast at it, else fp32. fp8: DeepSeek-V3's "
        "recipe, matrix products in FP8 and the rest in bf16.",
    )
    require_native_fp8: bool = Field(
        False, description="Refuse to emulate FP8 on a device without it: exact, but slow."
    )
    zero_stage: Literal[0, 1, 2, 3] = Field(
        1, description="What DeepSpeed ZeRO shards: 1 optimiser state, 2 gradients, 3 weights."
    )
    micro_batch: int = Field(
        64,
        ge=1,
        le=65536,
        description="Completions a process puts through the model at once; less needs less memory.",
        json_schema_extra=unit("completions"),
    )


class RunConfig(Strict):
    """One GRPO run, whole."""

    seed: int = Field(0, ge=0, lt=2**31)
    model: StartConfig = StartConfig()
    task: TaskConfig = TaskConfig()
    reward: RewardConfig = RewardConfig()
    grpo: GrpoConfig = GrpoConfig()
    sampling: SamplingConfig = SamplingConfig()
    optim: OptimConfig = OptimConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    hardware: HardwareConfig = HardwareConfig()

    @property
    def completions_per_step(self) -> int:
        return self.grpo.prompts_per_step * self.grpo.group_size

    @model_validator(mode="after")
    def _prompts_divide(self) -> "RunConfig":
        prompts, processes = self.grpo.prompts_per_step, self.hardware.processes
        if prompts % processes:
            raise fail(
                "grpo.prompts_per_step",
                f"{prompts} prompts do not divide over {processes} processes: "
                f"take a multiple of {processes}.",
            )
        return self

    @model_validator(mode="after")
    def _rewards_something(self) -> "RunConfig":
        if self.reward.accuracy == 0 and self.reward.format == 0:
            raise fail("reward.accuracy", "All reward weights are 0: set at least one above 0.")
        return self

    @model_validator(mode="after")
    def _moments_can_move(self) -> "RunConfig":
        if self.optim.moment_dtype == "bf16" and self.optim.beta2 > 0.99:
            raise fail(
                "optim.beta2",
                f"bf16 moments are too coarse for {self.optim.beta2}: take at most 0.99, or set "
                "optim.moment_dtype to fp32.",
            )
        return self

    @model_validator(mode="after")
    def _whole_collections(self) -> "RunConfig":
        if self.grpo.steps % self.grpo.steps_per_collection:
            raise fail(
                "grpo.steps",
                f"{self.grpo.steps} steps are not whole collections of "
                f"{self.grpo.steps_per_collection}: take a multiple of it.",
            )
        return self


class PretrainConfig(Strict):
    """Pretraining of a small base model on generated arithmetic text."""

    seed: int = Field(0, ge=0, lt=2**31)
    model: ModelConfig = ModelConfig()
    steps: int = Field(1000, ge=1)
    documents_per_step: int = Field(128, ge=1, json_schema_extra=unit("documents"))
    learning_rate: float = Field(2e-3, gt=0, le=1)
    warmup_steps: int = Field(50, ge=0)
    weight_decay: float = Field(0.1, ge=0, le=1)
    expert_bias_rate: float = Field(1e-3, ge=0, le=1)
    balance_loss: float = Field(0.0, ge=0, le=1, description="α of the sequence-wise balance loss.")
    mtp_weight: float = Field(0.3, ge=0, le=10, description="λ of multi-token prediction.")
    moment_dtype: Literal["fp32", "bf16"] = "fp32"
    dtype: Literal["auto", "bf16", "fp32", "fp8"] = "auto"
    careful_share: Fraction = Field(
        0.25, description="Share of worked documents that are right throughout; the rest slips."
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema of a run's config, with units and help, for the form."""
    return RunConfig.model_json_schema(mode="validation")

"""What the job runs on."""

from typing import Literal

from pydantic import Field, model_validator

from training.config.schema.base import Strict, fail, unit


class HardwareConfig(Strict):
    """What the job runs on."""

    processes: int = Field(
        1,
        ge=1,
        le=4096,
        description="Training processes (one a GPU; on a laptop 1 or 2): a divisor of a step's "
        "prompts, or a multiple, so that several share each prompt's completions evenly.",
    )
    nodes: int = Field(
        1, ge=1, le=512, description="Machines that the processes are spread over evenly."
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
    gpu_model: str = Field(
        "",
        max_length=120,
        description="Only GPUs with this in their name, such as H200; empty: any.",
    )
    gpu_memory_gb: float = Field(
        0.0,
        ge=0,
        le=10_000,
        description="Only GPUs with at least so much memory.",
        json_schema_extra=unit("GB"),
    )
    node_labels: list[str] = Field(
        [], max_length=20, description="Only nodes that bear all of these labels."
    )
    zero_stage: Literal[0, 1, 2, 3] = Field(
        1, description="What DeepSpeed ZeRO shards: 1 optimiser state, 2 gradients, 3 weights."
    )
    expert_parallel: int = Field(
        1,
        ge=1,
        le=1024,
        description="Processes that share out the model's routed experts between them; with 1 "
        "every process computes all experts.",
        json_schema_extra=unit("processes"),
    )
    chunk_tokens: int = Field(
        16384,
        ge=1,
        le=2**30,
        description="Tokens a process puts through the model at once: prompts and completions are "
        "packed into chunks of so many; less needs less memory. A longer sequence goes alone.",
        json_schema_extra=unit("tokens"),
    )
    join_s: int = Field(
        300,
        ge=1,
        le=86_400,
        description="How long the first process waits for the others to start, on whatever node; "
        "then the run fails and names those that are missing.",
        json_schema_extra=unit("seconds"),
    )
    watchdog_s: int = Field(
        3600,
        ge=0,
        le=604_800,
        description="A process that stays in one phase for longer has its stack logged, and the "
        "run fails instead of hanging. 0: nobody looks.",
        json_schema_extra=unit("seconds"),
    )

    @model_validator(mode="after")
    def _processes_spread(self) -> "HardwareConfig":
        if self.processes % self.nodes:
            raise fail(
                "hardware.nodes",
                f"{self.processes} processes do not spread evenly over {self.nodes} nodes: take a "
                "divisor, or another number of processes.",
            )
        return self

    @model_validator(mode="after")
    def _gpus_are_used(self) -> "HardwareConfig":
        asked = {"gpu_model": self.gpu_model, "gpu_memory_gb": self.gpu_memory_gb}
        for name, value in asked.items():
            if value and self.device == "cpu":
                raise fail(
                    f"hardware.{name}",
                    "A run on the CPU uses no GPU: leave this out, or set hardware.device to cuda.",
                )
        return self

    @model_validator(mode="after")
    def _experts_divide(self) -> "HardwareConfig":
        ranks = self.expert_parallel
        if self.processes % ranks:
            raise fail(
                "hardware.expert_parallel",
                f"{self.processes} processes do not divide into groups of {ranks}: take a divisor.",
            )
        if ranks > 1 and self.zero_stage not in (1, 2):
            raise fail(
                "hardware.zero_stage",
                f"Shared-out experts go with ZeRO 1 and 2 only, not {self.zero_stage}: set one of "
                "these, or hardware.expert_parallel to 1.",
            )
        return self

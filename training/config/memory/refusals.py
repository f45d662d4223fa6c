"""What a run is refused for that a config and its model's shape already show.

A run says the same when it starts (training/setup.py, training/rollout/native.py,
training/model/policy.py, training/model/fp8_checkpoint.py,
training/distributed/expert_parallel.py). Those import torch, so their sentences are repeated here;
tests/training/config/test_memory_follows_the_trainer.py holds them together.
"""

from typing import Literal

from training.config.memory.shape import Model, Shape, Sizes
from training.config.problems import ConfigError
from training.config.schema import HardwareConfig, RunConfig, SamplingConfig


def check_run(
    config: RunConfig, model: Model, device: Literal["cpu", "cuda"], longest_prompt: int | None
) -> None:
    """Raises ConfigError. The longest prompt, in tokens, is None where nobody knows it."""
    _check_fp8(config.hardware, model.shape, device)
    _check_experts(config, model.shape)
    if longest_prompt is not None:
        _check_room(config.sampling, longest_prompt, model.shape)
    guesses = isinstance(model.shape, Shape) and model.shape.num_nextn_predict_layers
    if config.sampling.speculative and not guesses:
        raise ConfigError.of(
            "sampling.speculative",
            "the model has no multi-token prediction layer (num_nextn_predict_layers is 0); "
            "switch it off or start from a model that has one.",
        )


def _check_fp8(hardware: HardwareConfig, shape: Shape | Sizes, device: str) -> None:
    if hardware.dtype != "fp8":
        return
    if device == "cpu" and hardware.require_native_fp8:
        raise ConfigError.of(
            "hardware.require_native_fp8",
            "cpu has no FP8 arithmetic; switch this off to emulate it, or set another "
            "hardware.dtype.",
        )
    if isinstance(shape, Sizes):
        raise ConfigError.of(
            "hardware.dtype",
            f"fp8 is for DeepSeek's architecture; train {shape.title} in bf16 or fp32.",
        )


def _check_experts(config: RunConfig, shape: Shape | Sizes) -> None:
    ranks, replay = config.hardware.expert_parallel, config.sampling.routing_replay
    if isinstance(shape, Sizes) or not shape.sparse_layers:
        if replay:
            raise ConfigError.of(
                "sampling.routing_replay",
                "this model has no experts of DeepSeek's architecture to note; switch it off.",
            )
        if ranks > 1:
            raise ConfigError.of(
                "hardware.expert_parallel",
                "this model has no experts of DeepSeek's architecture to share out; set it to 1.",
            )
    elif shape.n_routed_experts % ranks:
        raise ConfigError.of(
            "hardware.expert_parallel",
            f"the model's {shape.n_routed_experts} experts do not divide over {ranks} processes; "
            "take a divisor.",
        )


def _check_room(sampling: SamplingConfig, longest_prompt: int, shape: Shape | Sizes) -> None:
    positions = shape.max_position_embeddings
    field, max_new_tokens = sampling.longest
    if positions is not None and longest_prompt + max_new_tokens > positions:
        raise ConfigError.of(
            field,
            f"{max_new_tokens} tokens after a prompt of {longest_prompt} are more than the "
            f"model's {positions} positions; take fewer.",
        )

"""Asking a sampler, with a seed of its own for each prompt."""

from typing import Any

from training.rollout import Completion, Engine, Sampling


def sample(
    engine: Engine,
    prompts: list[list[int]],
    *,
    group_size: int = 1,
    seed: int = 0,
    eos_id: int | None = None,
    **sampling: Any,
) -> list[Completion]:
    """`sampling` are the fields of `Sampling`; prompts get the seeds from 1000 times `seed` on."""
    return engine.generate(
        prompts, group_size=group_size, sampling=Sampling(**sampling), eos_id=eos_id,
        seeds=[1000 * seed + number for number in range(len(prompts))],
    )  # fmt: skip

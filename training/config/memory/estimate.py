"""The memory calculator: what a run will take of each device, and how much more would fit."""

import functools
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.config.memory.job import Dtype, Job, Part, Parts, Phase
from training.config.memory.phases import phases, sampling, standing
from training.config.memory.shape import Lengths, Model, Shape, Sizes
from training.config.schema import RunConfig

Device = Literal["cpu", "cuda"]

PROMPT_TOKENS = 64
"""Assumed of a prompt where nobody measured: R1's template has 134 characters, a question fewer."""
USABLE = 0.9
"""Share of a device's memory that tensors may take. The rest is for the process itself, for the
libraries' workspaces, and for what the allocator cannot use."""
MOST_SEQUENCES = 1 << 20


class PhaseMemory(BaseModel):
    """The most a phase of a step takes; the run's peak is the largest of the phases."""

    model_config = ConfigDict(frozen=True)

    phase: Phase
    bytes: int
    parts: dict[Part, int] = Field(description="Bytes by part at that moment; they add up.")


class MemoryEstimate(BaseModel):
    """Bytes of tensors on each device, at the hungriest moment of the run."""

    model_config = ConfigDict(frozen=True)

    device: Device
    dtype: Dtype
    parameters: int
    phases: list[PhaseMemory] = Field(description="The hungriest first.")
    parts: dict[Part, int] = Field(
        description="The most each part takes in any phase; they need not come together."
    )
    peak_bytes: int
    most_bytes: int = Field(description="The peak when every completion is as long as allowed.")
    completion_tokens: float = Field(description="Mean length that the peak is computed for.")
    prompt_tokens: int
    complete: bool = Field(description="False: weights, gradients and optimiser are all it counts.")
    device_bytes: int | None = Field(description="Memory of one device; null when it is unknown.")
    fits: bool | None = Field(description="Whether even the longest completions fit.")
    largest_chunk_tokens: int | None = Field(
        description="Largest hardware.chunk_tokens that fits; 0 when none does."
    )
    largest_sequences: int | None = Field(
        description="Most sequences that can be sampled at once on one device."
    )
    notes: list[str]


def estimate(
    config: RunConfig,
    model: Model,
    *,
    device: Device,
    dtype: Dtype | None = None,
    device_bytes: int | None = None,
    lengths: Lengths | None = None,
) -> MemoryEstimate:
    """What `config` takes with `model`. `dtype` is what "auto" comes to on the device (bf16 when
    left out); `lengths` are those to expect, by default what the model was measured to write, or
    else the longest allowed."""
    asked = config.hardware.dtype
    chosen: Dtype = (dtype or "bf16") if asked == "auto" else asked
    longest = _longest(config, lengths or model.lengths)
    expected = lengths or model.lengths or longest

    def job(config: RunConfig, lengths: Lengths) -> Job:
        return Job(config, model.shape, device == "cuda", chosen, lengths)

    found = phases(job(config, expected))
    ranked = sorted(found.items(), key=lambda item: item[1].total(), reverse=True)
    most = max(parts.total() for parts in phases(job(config, longest)).values())
    whole = isinstance(model.shape, Shape)
    limit = None if device_bytes is None else round(USABLE * device_bytes)
    mean, _ = expected.spread(config.sampling.longest[1])
    batch = sequences = None
    if limit is not None and whole:
        batch = _largest_chunk_tokens(job(config, longest), limit)
        sequences = _largest_sequences(job(config, longest), limit)
    return MemoryEstimate(
        device=device,
        dtype=chosen,
        parameters=model.shape.parameters,
        phases=[_phase(name, parts) for name, parts in ranked],
        parts=_used(functools.reduce(operator.or_, found.values())),
        peak_bytes=ranked[0][1].total(),
        most_bytes=most,
        completion_tokens=round(mean, 1),
        prompt_tokens=expected.prompt,
        complete=whole,
        device_bytes=device_bytes,
        fits=None if limit is None or not whole else most <= limit,
        largest_chunk_tokens=batch,
        largest_sequences=sequences,
        notes=_notes(
            config, model, longest=expected is longest, assumed=asked == "auto" and not dtype
        ),
    )


def _longest(config: RunConfig, lengths: Lengths | None) -> Lengths:
    prompt = lengths.prompt if lengths else PROMPT_TOKENS
    return Lengths(prompt, (float(config.sampling.longest[1]),))


def _phase(name: Phase, parts: Parts) -> PhaseMemory:
    return PhaseMemory(phase=name, bytes=parts.total(), parts=_used(parts))


def _used(parts: Parts) -> dict[Part, int]:
    return {part: size for part, size in parts.items() if size}


def _largest_chunk_tokens(job: Job, limit: int) -> int:
    def fits(size: int) -> bool:
        hardware = job.config.hardware.model_copy(update={"chunk_tokens": size})
        changed = replace(job, config=job.config.model_copy(update={"hardware": hardware}))
        return max(parts.total() for parts in phases(changed).values()) <= limit

    prompt, (mean, _) = job.lengths.prompt, job.lengths.spread(job.limit)
    return _largest(fits, round(job.prompts * prompt + job.completions * mean))


def _largest_sequences(job: Job, limit: int) -> int:
    def fits(count: int) -> bool:
        prompts = -(-count // job.members)
        return sampling(job, count, prompts).total() <= limit

    engine = job.config.sampling.engine
    most = engine.max_sequences if engine.type == "vllm" else MOST_SEQUENCES
    return _largest(fits, most) if standing(job).total() <= limit else 0


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that fits, where all below it do; 0 when not even 1."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _notes(config: RunConfig, model: Model, *, longest: bool, assumed: bool) -> list[str]:
    """What the figures rest on, a sentence each."""
    _, tokens = config.sampling.longest
    notes = []
    if isinstance(model.shape, Sizes):
        notes.append(
            "Activations, cache and logits of this kind of model are not estimated: the figures "
            "are weights, gradients and optimiser alone."
        )
    elif longest:
        notes.append(f"Computed for completions that all reach {tokens} tokens.")
    else:
        notes.append(
            f"The peak is that of completions as {config.model.path} was measured to write them."
        )
    if config.hardware.expert_parallel > 1:
        notes.append(
            "What processes send each other's experts is not counted; gradients are, as if every "
            "process had all experts."
        )
    if assumed:
        notes.append("hardware.dtype auto is taken for bf16.")
    return notes

"""One process of a run, as far as its memory goes."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple

from training.config.memory.shape import Lengths, Shape, Sizes
from training.config.schema import RunConfig

BUCKET = 500_000_000
"""Elements of DeepSpeed's reduce bucket, where the model has as many."""

Dtype = Literal["bf16", "fp32", "fp8"]
Part = Literal[
    "weights", "reference", "gradients", "optimiser", "activations", "latent_cache", "logits"
]
Parts = Counter[Part]
"""Bytes by part."""
Phase = Literal["sampling", "training", "optimiser_step", "evaluation"]


class Chunk(NamedTuple):
    """What goes through the model at once in training."""

    sequences: int
    prompts: int
    mean: float
    """Tokens of a completion."""


@dataclass(frozen=True)
class Job:
    """One process of a run, as far as its memory goes."""

    config: RunConfig
    model: Shape | Sizes
    cuda: bool
    dtype: Dtype
    lengths: Lengths

    @property
    def shape(self) -> Shape:
        """For all that needs more than the number of parameters."""
        if not isinstance(self.model, Shape):
            raise TypeError("only the number of parameters is known of this model")
        return self.model

    @property
    def width(self) -> int:
        """Bytes of a weight; FP8 products are made from bf16 weights."""
        return 4 if self.dtype == "fp32" else 2

    @property
    def input_width(self) -> float:
        """Bytes that a linear layer keeps of each number it reads: FP8 keeps E4M3, and a scale for
        128 of them."""
        return 1 + 4 / 128 if self.dtype == "fp8" else self.width

    @property
    def sorts_tokens(self) -> bool:
        """Whether experts get exactly their tokens, not slots for a few more."""
        return self.cuda or self.dtype == "fp8"

    @property
    def processes(self) -> int:
        return self.config.hardware.processes

    @property
    def stage(self) -> int:
        return self.config.hardware.zero_stage

    @property
    def shard(self) -> int:
        """Elements of this process's share of the optimiser's state."""
        return -(-self.model.parameters // self.processes) if self.stage else self.model.parameters

    @property
    def held(self) -> int:
        """Elements of the weights that this process trains: of shared-out experts its slice."""
        model, ranks = self.model, self.config.hardware.expert_parallel
        routed = model.routed_parameters if isinstance(model, Shape) else 0
        return model.parameters - routed + routed // ranks

    @property
    def bucket(self) -> int:
        return self.width * min(BUCKET, self.model.parameters)

    @property
    def completions(self) -> int:
        """Of this process in one step."""
        return self.config.completions_per_step // self.processes

    @property
    def prompts(self) -> int:
        """Likewise; one where several processes share it."""
        return max(1, self.config.grpo.prompts_per_step // self.processes)

    @property
    def members(self) -> int:
        """Completions of each of these prompts."""
        return self.completions // self.prompts

    @property
    def chunk(self) -> Chunk:
        """The largest that training/chunks.py makes of groups whose completions are all as long as
        the mean."""
        budget, group = self.config.hardware.chunk_tokens, self.members
        prompt, (mean, longest) = self.lengths.prompt, self.lengths.spread(self.limit)
        groups = min(self.prompts, int(budget / (prompt + group * mean)))
        if groups:
            return Chunk(groups * group, groups, mean)
        sequences = int((budget - prompt) / mean)
        return Chunk(sequences, 1, mean) if sequences > 1 else Chunk(1, 1, float(longest))

    @property
    def limit(self) -> int:
        """Tokens of a completion at most."""
        return self.config.sampling.longest[1]

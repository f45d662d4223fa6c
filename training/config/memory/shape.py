"""What of a model decides how much memory it takes, read without loading it."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.config.model_shape import ModelConfig, ModelConfigError

BASE_MODELS = Path(__file__).resolve().parents[2] / "base"
DEEPSEEK = ("deepseek_v3", "deepseek_v2")
_HEADER_LIMIT = 100_000_000
"""Bytes: what safetensors itself allows a header."""
FP8_FORMAT = {
    "quant_method": "fp8",
    "fmt": "e4m3",
    "activation_scheme": "dynamic",
    "weight_block_size": [128, 128],
}
"""The quantised weights that training/model/fp8_checkpoint.py reads; there are no others."""


class UnknownShapeError(ValueError):
    """A model's shape cannot be read here; the message says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Shape(ModelConfig):
    """The model's own dimensions, and what they come to in numbers to store."""

    @property
    def down_dim(self) -> int:
        """Width of the one projection that attention begins with."""
        query = self.q_lora_rank or self.num_attention_heads * self.qk_head_dim
        return query + self.kv_lora_rank + self.qk_rope_head_dim

    @property
    def kv_up_dim(self) -> int:
        return self.num_attention_heads * (self.qk_nope_head_dim + self.v_head_dim)

    @property
    def shared_width(self) -> int:
        return self.n_shared_experts * self.moe_intermediate_size

    @property
    def sparse_layers(self) -> int:
        return self.num_hidden_layers - self.first_k_dense_replace

    @property
    def parameters(self) -> int:
        dim, layers = self.hidden_size, self.num_hidden_layers
        embeddings = self.vocab_size * dim * (1 if self.tie_word_embeddings else 2)
        dense = (layers - self.sparse_layers) * 3 * dim * self.intermediate_size
        mtp = self.num_nextn_predict_layers  # a sparse layer, too
        sparse = (self.sparse_layers + mtp) * self.expert_parameters
        joins = mtp * (3 * dim + 2 * dim * dim)
        blocks = (layers + mtp) * (self.attention_parameters + 2 * dim)
        return embeddings + blocks + dense + sparse + joins + dim

    @property
    def attention_parameters(self) -> int:
        heads, rank, latent = self.num_attention_heads, self.q_lora_rank, self.kv_lora_rank
        query = rank * heads * self.qk_head_dim + rank if rank else 0
        out = heads * self.v_head_dim * self.hidden_size
        return self.hidden_size * self.down_dim + query + latent + latent * self.kv_up_dim + out

    @property
    def expert_parameters(self) -> int:
        """Of one sparse layer: router, routed and shared experts."""
        widths = self.n_routed_experts * self.moe_intermediate_size + self.shared_width
        return self.hidden_size * (self.n_routed_experts + 3 * widths)

    @property
    def routed_parameters(self) -> int:
        """Of all layers' routed experts."""
        layers = self.sparse_layers + self.num_nextn_predict_layers
        return 3 * layers * self.n_routed_experts * self.moe_intermediate_size * self.hidden_size

    @property
    def largest_tensor(self) -> int:
        dim = self.hidden_size
        sparse = self.sparse_layers + self.num_nextn_predict_layers
        experts = self.n_routed_experts * 2 * self.moe_intermediate_size if sparse else 0
        return dim * max(experts, self.vocab_size, 2 * self.intermediate_size, self.down_dim)


@dataclass(frozen=True)
class Sizes:
    """All that is known of a model of another kind: how many numbers it is made of …"""

    parameters: int
    largest_tensor: int
    title: str
    """… which class computes it, for people …"""
    max_position_embeddings: int | None
    """… and how long a text may be; None where its config.json does not say."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of a prompt, and of completions from the shortest to the longest in equal steps."""

    prompt: int
    completion: tuple[float, ...]

    def spread(self, limit: int) -> tuple[float, int]:
        """Mean of all completions, and the longest; none exceeds `limit`."""
        steps = 64
        ranks = [(place + 0.5) / steps for place in range(steps)]
        mean = sum(min(limit, self._at(rank)) for rank in ranks) / steps
        return mean, min(limit, math.ceil(self.completion[-1]))

    def _at(self, rank: float) -> float:
        place = rank * (len(self.completion) - 1)
        low = min(int(place), max(0, len(self.completion) - 2))
        above = self.completion[min(low + 1, len(self.completion) - 1)]
        return self.completion[low] + (above - self.completion[low]) * (place - low)


@dataclass(frozen=True)
class Model:
    """A model as far as it was read."""

    shape: Shape | Sizes
    lengths: Lengths | None = None
    """What it was measured to write; None where nobody has."""


def shipped_model(name: str) -> Model | None:
    """The model that ships under `name`; None when there is none."""
    if name not in {found.name for found in BASE_MODELS.iterdir()}:
        return None
    return read_model(BASE_MODELS / name)


def read_model(directory: Path) -> Model:
    """The model in a Hugging Face directory. Raises UnknownShapeError where the trainer would
    refuse its config.json, in the same words."""
    config = _read_json(directory / "config.json")
    ours = config.get("model_type") in (None, *DEEPSEEK)
    _check_quantization(config, ours=ours)
    if not ours:
        return Model(_sizes(directory, config))
    lengths = None
    if (directory / "lengths.json").is_file():
        measured = _read_json(directory / "lengths.json")
        lengths = Lengths(measured["prompt"], tuple(measured["completion"]))
    try:
        return Model(Shape.from_hf(_settle_mtp(config, directory)), lengths)
    except ModelConfigError as error:
        raise UnknownShapeError(str(error)) from error


def _check_quantization(config: dict[str, Any], *, ours: bool) -> None:
    found = config.get("quantization_config")
    if found is None:
        return
    if not ours:
        raise UnknownShapeError(
            "quantization_config: quantised weights cannot be trained; start from the model's "
            "unquantised directory"
        )
    if not isinstance(found, dict):
        raise UnknownShapeError(f"quantization_config is {found!r}: it must be an object")
    for name, needed in FP8_FORMAT.items():
        value = found.get(name, None if name == "quant_method" else needed)
        if value != needed:
            raise UnknownShapeError(
                f"quantization_config.{name} is {value!r}: only {needed!r} is supported"
            )


def _settle_mtp(config: dict[str, Any], directory: Path) -> dict[str, Any]:
    """As training/model/hf.py: transformers announces the multi-token prediction layer of a model
    even when it dropped the layer. Without any file of weights the announcement stands."""
    if not config.get("num_nextn_predict_layers"):
        return config
    prefix = f"model.layers.{config.get('num_hidden_layers')}."
    tensors = _tensors(directory)
    dropped = tensors and not any(name.startswith(prefix) for name in tensors)
    return {**config, "num_nextn_predict_layers": 0} if dropped else config


def _sizes(directory: Path, config: dict[str, Any]) -> Sizes:
    counts = _tensors(directory).values()
    if not counts:
        raise UnknownShapeError(f"{directory} holds no .safetensors file.")
    positions, classes = config.get("max_position_embeddings"), config.get("architectures")
    named = classes[0] if isinstance(classes, list) and classes else config["model_type"]
    return Sizes(
        parameters=sum(counts),
        largest_tensor=max(counts),
        title=f"{named} by transformers",
        max_position_embeddings=positions if type(positions) is int else None,
    )


def _tensors(directory: Path) -> dict[str, int]:
    """How many numbers each tensor of the directory holds, by name."""
    files = sorted(directory.glob("*.safetensors"))
    return {name: count for file in files for name, count in _counts(file)}


def _counts(file: Path) -> Iterator[tuple[str, int]]:
    """From the header of a safetensors file: length, then JSON, then the numbers."""
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(8), "little")
            header = json.loads(content.read(min(length, _HEADER_LIMIT)))
        for name, tensor in header.items():
            if name != "__metadata__":
                yield name, math.prod(tensor["shape"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnknownShapeError(f"{file} cannot be read as safetensors.") from error


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnknownShapeError(f"{file} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise UnknownShapeError(f"{file} is not valid JSON.") from error
    if not isinstance(content, dict):
        raise UnknownShapeError(f"{file} is not a JSON object.")
    return content

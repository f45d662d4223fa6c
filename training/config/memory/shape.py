"""What of a model decides how much memory it takes, read without loading it."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

BASE_MODELS = Path(__file__).resolve().parents[2] / "base"
DEEPSEEK = ("deepseek_v3", "deepseek_v2")
_HEADER_LIMIT = 100_000_000
"""Bytes: what safetensors itself allows a header."""


class UnknownShapeError(ValueError):
    """A model's shape cannot be read here; the message says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Dimensions of a DeepSeek-V3-style model, under the names of its config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    moe_intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    kv_lora_rank: int
    q_lora_rank: int | None
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    n_routed_experts: int
    num_experts_per_tok: int
    n_shared_experts: int = 1
    first_k_dense_replace: int = 1
    num_nextn_predict_layers: int = 0
    max_position_embeddings: int = 4096
    tie_word_embeddings: bool = False

    @classmethod
    def from_hf(cls, source: dict[str, Any]) -> "Shape":
        """From the content of config.json."""
        values = {field.name: source[field.name] for field in fields(cls) if field.name in source}
        try:
            shape = cls(**values)
        except TypeError as error:
            raise UnknownShapeError("The model's config.json lacks some of its sizes.") from error
        if any(not _is_size(value) for value in values.values()):
            raise UnknownShapeError("The model's config.json holds a size that is no number.")
        return shape

    @property
    def qk_head_dim(self) -> int:
        return self.qk_nope_head_dim + self.qk_rope_head_dim

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
        return max(0, self.num_hidden_layers - self.first_k_dense_replace)

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
    def largest_tensor(self) -> int:
        dim = self.hidden_size
        sparse = self.sparse_layers + self.num_nextn_predict_layers
        experts = self.n_routed_experts * 2 * self.moe_intermediate_size if sparse else 0
        return dim * max(experts, self.vocab_size, 2 * self.intermediate_size, self.down_dim)


@dataclass(frozen=True)
class Sizes:
    """All that is known of a model of another kind: how many numbers it is made of."""

    parameters: int
    largest_tensor: int


@dataclass(frozen=True)
class Lengths:
    """Tokens of a prompt, and of completions from the shortest to the longest in equal steps."""

    prompt: int
    completion: tuple[float, ...]

    def longest(self, share: float, limit: int) -> tuple[float, int]:
        """Mean of the longest `share` of all completions, and the longest; none exceeds `limit`."""
        steps = 64
        ranks = [1 - share * (place + 0.5) / steps for place in range(steps)]
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
    """The model in a Hugging Face directory. Raises UnknownShapeError."""
    config = _read_json(directory / "config.json")
    if config.get("model_type") not in DEEPSEEK:
        return Model(_sizes(directory))
    lengths = None
    if (directory / "lengths.json").is_file():
        measured = _read_json(directory / "lengths.json")
        lengths = Lengths(measured["prompt"], tuple(measured["completion"]))
    return Model(Shape.from_hf(config), lengths)


def _sizes(directory: Path) -> Sizes:
    """From the headers of the safetensors files: length, then JSON, then the numbers."""
    counts = [count for file in sorted(directory.glob("*.safetensors")) for count in _counts(file)]
    if not counts:
        raise UnknownShapeError(f"{directory} holds no .safetensors file.")
    return Sizes(sum(counts), max(counts))


def _counts(file: Path) -> Iterator[int]:
    try:
        with file.open("rb") as content:
            length = int.from_bytes(content.read(8), "little")
            header = json.loads(content.read(min(length, _HEADER_LIMIT)))
        for name, tensor in header.items():
            if name != "__metadata__":
                yield math.prod(tensor["shape"])
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


def _is_size(value: object) -> bool:
    return value is None or (isinstance(value, int) and value >= 0)

"""Tiny random models of transformers' own classes, with a tokenizer beside."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.tokenizer import TextTokenizer, train

_ALIKE: dict[str, Any] = {
    "vocab_size": 320, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128,
}  # fmt: skip
SHAPES: dict[str, dict[str, Any]] = {
    "llama": {**_ALIKE, "tie_word_embeddings": True},
    "qwen2": {**_ALIKE, "tie_word_embeddings": False},
    "qwen3": {**_ALIKE, "head_dim": 12},
    "gpt2": {"vocab_size": 320, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128},
    "qwen3_moe": {
        **_ALIKE, "head_dim": 8, "moe_intermediate_size": 16, "num_experts": 4,
        "num_experts_per_tok": 2,
    },
    "mistral": {**_ALIKE, "sliding_window": 6},
    "granite": {**_ALIKE, "logits_scaling": 4.0},
    "cohere": {**_ALIKE, "logit_scale": 0.25},
}  # fmt: skip
"""By model_type. Learned positions, experts, a window, and scaled logits are among them."""


def network(model_type: str, **changes: Any) -> Any:
    """transformers' model in fp32, in which every weight matters."""
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 - slow to import

    torch.manual_seed(0)
    shape = {"eos_token_id": 2, "bos_token_id": 1, **SHAPES.get(model_type, _ALIKE), **changes}
    config = AutoConfig.for_model(model_type, **shape)
    made = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(1.0 if parameter.ndim == 1 else 0.0, 0.2)
    return made


def tokenizer(texts: list[str]) -> TextTokenizer:
    """At most as many tokens as the models have, and end token 2."""
    return train(texts, 320)


def directory(model_type: str, path: Path, **changes: Any) -> Path:
    """A Hugging Face directory of such a model, with a tokenizer."""
    network(model_type, **changes).save_pretrained(path)
    tokenizer(["12 + 3 = 15"]).save(path)
    return path


def padded(side: str) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, mask and completion mask [B, T] of ragged random sequences."""
    generator = torch.Generator().manual_seed(1)
    tokens_BT = torch.randint(0, 320, (4, 14), generator=generator)
    lengths_B1, prompts_B1 = (
        torch.tensor([[14], [9], [5], [11]]),
        torch.tensor([[3], [1], [4], [6]]),
    )
    places_BT = torch.arange(14) - (14 - lengths_B1 if side == "left" else 0)
    mask_BT = (places_BT >= 0) & (places_BT < lengths_B1)
    return tokens_BT, mask_BT, mask_BT & (places_BT >= prompts_B1)

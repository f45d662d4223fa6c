"""The policy: the model that is trained. This is the only file that tells its two kinds apart.

DeepSeek's models are our `Transformer`; any other is a `CausalLM`, transformers' own class behind
the same interface: both are modules that turn tokens [B, T] and a mask into hidden states, have
`logits`, `head`, `config` and a `title`. What else a run asks of its model is here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.model import causal_lm, fp8, hf, logprobs
from training.model.causal_lm import CausalLM
from training.model.config import ModelConfigError
from training.model.experts import Experts
from training.model.logprobs import CompletionLogprobs
from training.model.transformer import Transformer

Policy = Transformer | CausalLM

_OURS = ("deepseek_v2", "deepseek_v3")


def load(path: Path | str, dtype: torch.dtype | None = None) -> Policy:
    """Read the Hugging Face directory `path`, in `dtype` or as stored, by the class that fits its
    `model_type`. Raises what `hf.load` and `causal_lm.load` raise."""
    path = Path(path)
    ours = _model_type(path) in (None, *_OURS)
    return hf.load(path, dtype) if ours else causal_lm.load(path, dtype)


def save(policy: Policy, path: Path | str, tokenizer_path: Path | str | None = None) -> None:
    """Write a Hugging Face directory, with the tokenizer files of another."""
    if isinstance(policy, CausalLM):
        causal_lm.save(policy, Path(path), tokenizer_path)
    else:
        hf.save(policy, path, tokenizer_path)


def tensors(policy: Policy) -> Iterator[tuple[str, Tensor]]:
    """All weights one by one, called as in a Hugging Face directory."""
    return causal_lm.tensors(policy) if isinstance(policy, CausalLM) else hf.tensors(policy)


def hf_config(policy: Policy) -> dict[str, Any]:
    """What stands in the config.json of a Hugging Face directory."""
    if not isinstance(policy, CausalLM):
        return policy.config.to_hf()
    config: dict[str, Any] = json.loads(policy.network.config.to_json_string(use_diff=False))
    return {**config, "architectures": [type(policy.network).__name__]}


def to_fp8(policy: Policy) -> None:
    """See `training.model.fp8`. Raises `ModelConfigError` for a model that is not ours."""
    if isinstance(policy, CausalLM):
        raise ModelConfigError(
            f"hardware.dtype: fp8 is for DeepSeek's architecture; train {title(policy)} in bf16 "
            "or fp32."
        )
    fp8.to_fp8(policy)


def completion_logprobs(
    policy: Policy,
    tokens_BT: Tensor,
    attention_mask_BT: Tensor,
    completion_mask_BT: Tensor,
    temperature: float = 1.0,
    **of_ours: Any,
) -> CompletionLogprobs:
    """See `training.model.logprobs`; what is asked for besides, only our own model gives."""
    inputs = (tokens_BT, attention_mask_BT, completion_mask_BT, temperature)
    if isinstance(policy, CausalLM):
        return policy.completion_logprobs(*inputs)
    return logprobs.completion_logprobs(policy, *inputs, **of_ours)


def has_experts(policy: Policy) -> bool:
    """Whether the policy is our own model with sparse layers."""
    return isinstance(policy, Transformer) and any(
        isinstance(module, Experts) for module in policy.modules()
    )


def shares_prompts(policy: Policy) -> bool:
    """Whether a prompt that several sequences of a batch begin with is computed once."""
    return isinstance(policy, Transformer) or policy.shares


def title(policy: Policy) -> str:
    """Which class computes the policy, for people."""
    if isinstance(policy, CausalLM):
        return f"{type(policy.network).__name__} by transformers"
    return f"{policy.config.to_hf()['architectures'][0]} by r1web"


def _model_type(path: Path) -> str | None:
    """None where config.json is missing, broken or silent: `hf.load` then says what is wrong."""
    try:
        content = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content.get("model_type") if isinstance(content, dict) else None

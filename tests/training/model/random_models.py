"""Small models of every shape the config allows, and transformers' twin of each."""

import json
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from training.model import ModelConfig, Transformer, YarnScaling
from training.model.checkpoint_names import mappings

YARN = YarnScaling(factor=4.0, original_max_position_embeddings=32, mscale=1.0, mscale_all_dim=0.7)


@st.composite
def configs(draw: st.DrawFn) -> ModelConfig:
    """V2 and V3, 1 to 16 experts; V3 needs two in each group, or transformers cannot rank them."""
    v3 = draw(st.booleans())
    method = "noaux_tc" if v3 else draw(st.sampled_from(["greedy", "group_limited_greedy"]))
    groups = 1 if method == "greedy" else draw(st.sampled_from([1, 2, 4]))
    experts = groups * draw(st.integers(2 if v3 else 1, 16 // groups))
    open_groups = draw(st.integers(1, groups))
    layers, heads = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    return ModelConfig(
        vocab_size=draw(st.sampled_from([50, 97])),
        hidden_size=heads * draw(st.sampled_from([8, 12])),
        intermediate_size=40,
        moe_intermediate_size=draw(st.sampled_from([8, 24])),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        kv_lora_rank=draw(st.sampled_from([8, 20])),
        q_lora_rank=draw(st.sampled_from([None, 16])),
        qk_nope_head_dim=draw(st.sampled_from([4, 12])),
        qk_rope_head_dim=draw(st.sampled_from([2, 8])),
        v_head_dim=draw(st.sampled_from([6, 12])),
        n_routed_experts=experts,
        num_experts_per_tok=draw(st.integers(1, open_groups * experts // groups)),
        n_shared_experts=draw(st.integers(1, 2)),
        n_group=groups,
        topk_group=open_groups,
        scoring_func="sigmoid" if v3 else "softmax",
        topk_method=method,
        first_k_dense_replace=draw(st.integers(0, layers)),
        routed_scaling_factor=draw(st.sampled_from([1.0, 2.5])),
        norm_topk_prob=v3 and draw(st.booleans()),
        rope_theta=draw(st.sampled_from([10000.0, 50000.0])),
        rope_scaling=draw(st.none() | yarns()),
        tie_word_embeddings=draw(st.booleans()),
        max_position_embeddings=256,
        initializer_range=0.1,
    )


@st.composite
def yarns(draw: st.DrawFn) -> YarnScaling:
    return YarnScaling(
        factor=draw(st.sampled_from([1.0, 4.0, 40.0])),
        original_max_position_embeddings=draw(st.sampled_from([4, 32, 4096])),
        beta_fast=draw(st.sampled_from([32.0, 4.0])),
        beta_slow=draw(st.sampled_from([1.0, 0.5])),
        mscale=draw(st.sampled_from([0.0, 0.707, 1.0])),
        mscale_all_dim=draw(st.sampled_from([0.0, 0.707, 1.0])),
    )


def with_fields(config: ModelConfig, **changes: Any) -> ModelConfig:
    return ModelConfig(**{**vars(config), **changes})


def edit_json(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def build(config: ModelConfig, seed: int = 0) -> Transformer:
    """A model in which every weight matters: biases and norms are not at their defaults."""
    torch.manual_seed(seed)
    model = Transformer(config)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("bias_E"):
                tensor.normal_(std=0.2)
            elif "norm" in name:
                tensor.uniform_(0.5, 1.5)
    return model


def twin(model: Transformer) -> Any:
    """The same weights in transformers' own class; its parameters are ours, not copies of them."""
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 - slow to import

    source = model.config.to_hf()
    shape = AutoConfig.for_model(source.pop("model_type"), **source)
    other = AutoModelForCausalLM.from_config(shape, attn_implementation="eager")
    other.load_state_dict(as_in_transformers(model.config, model.state_dict()), assign=True)
    other.tie_weights()
    return other.eval()


def as_in_transformers(config: ModelConfig, ours: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors, or their gradients, by the names they have in transformers' memory, where the
    experts of a layer are stacked."""
    theirs: dict[str, Tensor] = {}
    for mapping in mappings(config):
        if mapping.ours not in ours:
            continue
        if not mapping.experts:
            theirs |= mapping.split(ours[mapping.ours])
            continue
        prefix = mapping.pieces[0].partition("{expert}")[0]
        name = "down_proj" if len(mapping.pieces) == 1 else "gate_up_proj"
        theirs[prefix + name] = ours[mapping.ours].transpose(1, 2)
    if config.tie_word_embeddings and "embedding.weight" in ours:
        theirs["lm_head.weight"] = theirs["model.embed_tokens.weight"]
    return theirs


def padded_batch(config: ModelConfig, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Tokens [4, 20] and a mask with padding on the left of some rows."""
    generator = torch.Generator().manual_seed(seed)
    tokens_BT = torch.randint(0, config.vocab_size, (4, 20), generator=generator)
    starts_B = torch.tensor([0, 3, 11, 19])
    return tokens_BT, torch.arange(20) >= starts_B[:, None]


def positions(mask_BT: Tensor) -> Tensor:
    return (mask_BT.long().cumsum(1) - 1).clamp(min=0)

"""Small models of every shape the config allows, and transformers' twin of each."""

from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from training.model import ModelConfig, Transformer, YarnScaling, hf

YARN = YarnScaling(factor=4.0, original_max_position_embeddings=32, mscale=1.0, mscale_all_dim=0.7)


@st.composite
def configs(draw: st.DrawFn) -> ModelConfig:
    groups = draw(st.sampled_from([1, 2, 4]))
    experts = groups * draw(st.sampled_from([2, 3, 4]))
    open_groups = draw(st.integers(1, groups))
    layers = draw(st.integers(1, 3))
    return ModelConfig(
        vocab_size=draw(st.sampled_from([50, 97])),
        hidden_size=draw(st.sampled_from([32, 48])),
        intermediate_size=40,
        moe_intermediate_size=draw(st.sampled_from([8, 24])),
        num_hidden_layers=layers,
        num_attention_heads=draw(st.integers(1, 5)),
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
        first_k_dense_replace=draw(st.integers(0, layers)),
        routed_scaling_factor=draw(st.sampled_from([1.0, 2.5])),
        norm_topk_prob=draw(st.booleans()),
        rope_scaling=draw(st.sampled_from([None, YARN])),
        tie_word_embeddings=draw(st.booleans()),
        max_position_embeddings=256,
        initializer_range=0.1,
    )


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


def twin(model: Transformer, directory: Path) -> Any:
    """The same weights in transformers' own class, by way of a saved directory."""
    from transformers import DeepseekV3ForCausalLM  # noqa: PLC0415 - slow to import

    hf.save(model, directory)
    other, report = DeepseekV3ForCausalLM.from_pretrained(
        directory, dtype=torch.float32, output_loading_info=True, attn_implementation="eager"
    )
    assert not any(report.values()), report
    return other.eval()


def padded_batch(config: ModelConfig, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Tokens [4, 20] and a mask with padding on the left of some rows."""
    generator = torch.Generator().manual_seed(seed)
    tokens_BT = torch.randint(0, config.vocab_size, (4, 20), generator=generator)
    starts_B = torch.tensor([0, 3, 11, 19])
    return tokens_BT, torch.arange(20) >= starts_B[:, None]


def positions(mask_BT: Tensor) -> Tensor:
    return (mask_BT.long().cumsum(1) - 1).clamp(min=0)

"""The model and the workload that all benchmarks share."""

from __future__ import annotations

import torch

from training.model import ModelConfig, Transformer

NANO = ModelConfig(
    vocab_size=512, hidden_size=256, intermediate_size=768, moe_intermediate_size=128,
    num_hidden_layers=4, num_attention_heads=4, q_lora_rank=128, kv_lora_rank=64,
    qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32, n_routed_experts=8,
    num_experts_per_tok=2, max_position_embeddings=512, eos_token_id=1,
    pad_token_id=0,
)  # fmt: skip
"""4.0 million parameters: DeepSeek-V3 in kind, about the size of the shipped base model."""

PROMPTS, GROUP_SIZE, MAX_NEW_TOKENS = 8, 16, 64


def build_model(config: ModelConfig, seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(config).eval()


def random_prompts(config: ModelConfig, seed: int = 0) -> list[list[int]]:
    """`PROMPTS` prompts of 20 to 29 tokens, none of them special."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(20, 30, (PROMPTS,), generator=generator).tolist()
    return [
        torch.randint(8, config.vocab_size, (length,), generator=generator).tolist()
        for length in lengths
    ]

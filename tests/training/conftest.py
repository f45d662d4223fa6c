import pytest

from training.model import ModelConfig


@pytest.fixture
def config() -> ModelConfig:
    """A model with every part in it, small enough for a test."""
    return ModelConfig(
        vocab_size=97, hidden_size=48, intermediate_size=64, moe_intermediate_size=24,
        num_hidden_layers=3, num_attention_heads=3, kv_lora_rank=20, q_lora_rank=16,
        qk_nope_head_dim=12, qk_rope_head_dim=8, v_head_dim=10, n_routed_experts=8,
        num_experts_per_tok=3, n_group=4, topk_group=2, routed_scaling_factor=2.5,
        max_position_embeddings=256, initializer_range=0.1,
    )  # fmt: skip

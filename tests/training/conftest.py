from pathlib import Path

import pytest
import torch

from training.base_models import find_model
from training.model import ModelConfig, Transformer, hf
from training.tokenizer import TextTokenizer


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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face directory with random weights, in fp32, and the base model's tokenizer."""
    base = find_model("nano-base")
    tokenizer = TextTokenizer.load(base)
    shape = ModelConfig(
        vocab_size=512, hidden_size=32, intermediate_size=48, moe_intermediate_size=16,
        num_hidden_layers=2, num_attention_heads=2, kv_lora_rank=16, q_lora_rank=16,
        qk_nope_head_dim=8, qk_rope_head_dim=8, v_head_dim=8, n_routed_experts=4,
        num_experts_per_tok=2, max_position_embeddings=128, initializer_range=0.1,
        tie_word_embeddings=True, bos_token_id=tokenizer.bos_id, eos_token_id=tokenizer.eos_id,
        pad_token_id=tokenizer.pad_id,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tiny-model")
    torch.manual_seed(0)
    hf.save(Transformer(shape), path, base)
    return path

"""What is saved opens in vLLM, which then writes the same tokens.

It runs in an environment of its own, made by `make vllm`. On a CPU it takes latents of 512 + 64.
"""

import json
import subprocess
from pathlib import Path

import pytest
import torch

from tests.training.model.random_models import build, with_fields
from tests.training.rollout.asking import sample
from training.model import ModelConfig, hf
from training.rollout import NativeEngine

PYTHON = Path(__file__).resolve().parents[3] / ".venv-vllm" / "bin" / "python"
WORKER = Path(__file__).with_name("vllm_worker.py")
PROMPTS = [[5, 6, 7, 8], [9, 10, 11, 12, 13]]
TOKENS = 32

V3 = ModelConfig(
    vocab_size=128, hidden_size=256, intermediate_size=256, moe_intermediate_size=64,
    num_hidden_layers=2, num_attention_heads=4, kv_lora_rank=512, q_lora_rank=128,
    qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, n_routed_experts=8,
    num_experts_per_tok=2, n_group=2, topk_group=1, routed_scaling_factor=2.5,
    num_nextn_predict_layers=1, max_position_embeddings=256, initializer_range=0.1,
    bos_token_id=0, eos_token_id=1,
)  # fmt: skip
V2 = with_fields(
    V3, scoring_func="softmax", topk_method="group_limited_greedy", norm_topk_prob=False,
    num_nextn_predict_layers=0, q_lora_rank=None,
)  # fmt: skip


@pytest.mark.vllm
@pytest.mark.skipif(not PYTHON.exists(), reason="there is no .venv-vllm: `make vllm` makes it")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("config", [V3, V2], ids=["V3", "V2"])
def test_greedy_tokens_are_ours(tmp_path: Path, config: ModelConfig) -> None:
    model = build(config).eval()
    hf.save(model, tmp_path, shard_bytes=2_000_000)
    with torch.no_grad():
        ours = sample(
            NativeEngine(model), PROMPTS, max_new_tokens=TOKENS, temperature=0, seed=0, eos_id=None
        )
    command = [str(PYTHON), str(WORKER), str(tmp_path), json.dumps(PROMPTS), str(TOKENS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert theirs == [completion.tokens for completion in ours]

"""The preset r1-zero-paper is the paper, number by number."""

import re
from pathlib import Path

import pytest

from training.config import resolve
from training.config.memory import Model, estimate
from training.config.memory.shape import Shape
from training.config.presets import flatten

FACTS = Path(__file__).resolve().parents[4] / "shared" / "facts" / "deepseek-r1.md"
"""Notes taken from the paper, where the machine has them."""

PAPER = {
    "optim.learning_rate": 3e-6,
    "grpo.kl_coef": 0.001,
    "grpo.loss.clip_eps": 10,
    "grpo.group_size": 16,
    "grpo.prompts_per_step": 32,
    "grpo.steps_per_collection": 16,
    "grpo.ref_refresh_steps": 400,
    "grpo.steps": 10_400,
    "sampling.temperature": 1.0,
    "sampling.max_new_tokens": 32_768,
    "sampling.growth.from_step": 8_200,
    "sampling.growth.max_new_tokens": 65_536,
    "reward.accuracy": 1,
    "reward.format": 1,
    "evaluation.temperature": 0.6,
    "evaluation.top_p": 0.95,
}
"""Nature 645, 633 (2025), Methods, «Training details of DeepSeek-R1-Zero»; ε from the first RL
stage of R1, for none is stated for Zero; evaluation from its setup (arXiv 2501.12948v2)."""

NOTED = [
    ("Learning rate", r"([\d.e-]+)", ["optim.learning_rate"]),
    ("KL coefficient β", r"([\d.]+)", ["grpo.kl_coef"]),
    ("Outputs per question G", r"(\d+)", ["grpo.group_size"]),
    ("Questions per step", r"(\d+)", ["grpo.prompts_per_step"]),
    ("Rollout per collection", r"[\d,]+ outputs → (\d+)", ["grpo.steps_per_collection"]),
    ("Reference refresh", r"(\d+)", ["grpo.ref_refresh_steps"]),
    ("Temperature", r"([\d.]+)", ["sampling.temperature"]),
    ("Max length", r"([\d,]+)\D+([\d.]+k)\D+([\d,]+)", [
        "sampling.max_new_tokens", "sampling.growth.from_step", "sampling.growth.max_new_tokens",
    ]),
    ("Steps", r"([\d,]+)", ["grpo.steps"]),
]  # fmt: skip
SAMPLE = """
| | R1-Zero | RL stage 1 | RL stage 2 |
|---|---|---|---|
| Learning rate | 3e-6 | 3e-6 | as stage 1 |
| KL coefficient β | 0.001 | 0.001 | as stage 1 |
| Clip ε | not stated for Zero | **10** (above all) | as stage 1 |
| Outputs per question G | 16 | 16 | 16 |
| Questions per step | 32 | 32 | 32 |
| Rollout per collection | 8,192 outputs → 16 mini-batches, 1 inner epoch | same | same |
| Reference refresh | every 400 steps | every 400 steps | same |
| Temperature | 1.0 | 1.0 | 0.7 |
| Max length | 32,768 to step 8.2k, then 65,536 | 32,768 | - |
| Steps | 10,400 (1.6 epochs) | - | 1,700 |
"""
"""The same notes, for machines without the file."""


def settings() -> dict[str, object]:
    return flatten(resolve("r1-zero-paper", {}).as_json())


def number(text: str) -> float:
    return 1000 * float(text[:-1]) if text.endswith("k") else float(text.replace(",", ""))


def test_every_number_is_the_papers() -> None:
    found = settings()
    assert {path: found[path] for path in PAPER} == PAPER
    assert found["grpo.loss.type"] == "grpo"
    assert (found["grpo.loss.aggregation"], found["grpo.loss.advantage_scale"]) == (
        "sequence", "group",
    )  # fmt: skip
    outputs = PAPER["grpo.group_size"] * PAPER["grpo.prompts_per_step"]
    assert outputs == 512
    assert outputs * PAPER["grpo.steps_per_collection"] == 8192


@pytest.mark.parametrize("notes", [SAMPLE, *([FACTS.read_text()] if FACTS.is_file() else [])])
def test_every_number_is_that_of_the_notes(notes: str) -> None:
    found = settings()
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", notes, re.MULTILINE))
    for name, pattern, paths in NOTED:
        matched = re.search(pattern, rows[name])
        assert matched is not None, name
        assert [found[path] for path in paths] == [number(text) for text in matched.groups()], name
    assert re.search(r"^\| Clip ε \|[^|]*\| \*\*10\*\*", notes, re.MULTILINE)


def test_every_line_says_where_its_number_is_from() -> None:
    file = Path(__file__).resolve().parents[3] / "training/config/presets/r1-zero-paper.toml"
    text = file.read_text().split("[hardware]")[0]
    for line in text.splitlines():
        if re.match(r"\w+ = [\d.e-]+", line) and not line.startswith("from_step"):
            assert re.search(r"# (N|A|likewise|nothing)", line), line


def test_its_limit_grows_at_the_papers_step() -> None:
    sampling = resolve("r1-zero-paper", {}).config.sampling
    assert [sampling.max_new_tokens_at(step) for step in (1, 8_199, 8_200, 10_400)] == [
        32_768, 32_768, 65_536, 65_536,
    ]  # fmt: skip
    assert resolve("r1-zero-nano", {}).config.sampling.max_new_tokens_at(10**6) == 64


def test_its_memory_is_estimated_for_the_longest_completions() -> None:
    # DeepSeek-V3's shape, as its config.json says.
    shape = Shape(
        vocab_size=129_280, hidden_size=7168, intermediate_size=18_432,
        moe_intermediate_size=2048, num_hidden_layers=61, num_attention_heads=128,
        kv_lora_rank=512, q_lora_rank=1536, qk_nope_head_dim=128, qk_rope_head_dim=64,
        v_head_dim=128, n_routed_experts=256, num_experts_per_tok=8, n_group=8, topk_group=4,
        first_k_dense_replace=3, routed_scaling_factor=2.5, max_position_embeddings=163_840,
        tie_word_embeddings=False,
    )  # fmt: skip
    assert 670e9 < shape.parameters < 672e9

    def most(overrides: dict[str, object]) -> int:
        config = resolve("r1-zero-paper", overrides).config
        return estimate(config, Model(shape), device="cuda", dtype="bf16").most_bytes

    grown = most({})
    assert grown > 670e9 * 2
    assert most({"sampling": {"growth": None}}) < grown
    assert most({"sampling": {"growth": None, "max_new_tokens": 65_536}}) == grown

"""The preset r1-paper is the paper's pipeline, number by number."""

import re
from pathlib import Path

from training.config import RunConfig, resolve

FILE = Path(__file__).resolve().parents[3] / "training/config/presets/r1-paper.toml"


def config() -> RunConfig:
    return resolve("r1-paper", {}).config


def test_the_stages_are_those_of_the_paper_in_its_order() -> None:
    """arXiv 2501.12948v2, figure 2."""
    assert [(each.name, each.kind) for each in config().plan] == [
        ("zero", "grpo"), ("cold_start_data", "rejection_sampling"), ("dev1", "sft"),
        ("dev2", "grpo"), ("sft_data", "rejection_sampling"), ("dev3", "sft"),
        ("preference", "reward_model"), ("rl2", "grpo"), ("final", "grpo"),
        ("results", "evaluate"),
    ]  # fmt: skip
    starts = {name: getattr(stage, "start", "") for name, stage in config().stages.items()}
    assert starts == {
        "zero": "base", "cold_start_data": "zero", "dev1": "base", "dev2": "previous",
        "sft_data": "previous", "dev3": "base", "preference": "previous", "rl2": "dev3",
        "final": "previous", "results": "",
    }  # fmt: skip


def test_r1_zero_is_the_preset_of_its_own() -> None:
    alone, stage = resolve("r1-zero-paper", {}).config, config().of_stage("zero")
    for table in ("grpo", "sampling", "optim", "reward", "task", "evaluation"):
        assert getattr(stage, table) == getattr(alone, table), table


def test_reinforcement_learning_has_the_papers_numbers() -> None:
    """Nature 645, 633 (2025), Methods: both RL stages are as R1-Zero but for what is named."""
    for name in ("dev2", "rl2", "final"):
        stage = config().of_stage(name)
        assert stage.optim.learning_rate == 3e-6
        assert (stage.grpo.kl_coef, stage.grpo.group_size, stage.grpo.prompts_per_step) == (
            0.001, 16, 32,
        )  # fmt: skip
        assert stage.grpo.loss.model_dump()["clip_eps"] == 10
        assert (stage.grpo.steps_per_collection, stage.grpo.ref_refresh_steps) == (16, 400)
        assert stage.sampling.temperature == (1.0 if name == "dev2" else 0.7)
        assert stage.sampling.max_new_tokens == 32_768
        assert stage.sampling.growth is None
        assert stage.reward.language.weight == 1
    second = [config().of_stage(name).grpo.steps for name in ("rl2", "final")]
    assert second[1] == 400
    assert 1700 - 16 < sum(second) <= 1700  # as many as are whole collections
    preferred = {name: config().of_stage(name).reward.model for name in ("dev2", "rl2", "final")}
    assert {name for name, model in preferred.items() if model} == {"final"}


def test_fine_tuning_has_the_papers_numbers() -> None:
    """arXiv 2501.12948v2, supplement: SFT for 2 to 3 epochs of 804,745 rows, batch 128, along a
    cosine from 5e-5 to 5e-6."""
    for name in ("dev1", "dev3"):
        stage = config().stages[name]
        assert stage.type == "sft"
        assert (stage.optim.learning_rate, stage.final_learning_rate) == (5e-5, 5e-6)
        assert stage.sequences_per_step == 128
    steps = config().of_stage("dev3").grpo.steps
    assert 2 <= steps * 128 / 804_745 <= 3


def test_the_reward_model_has_the_papers_numbers() -> None:
    """The same: 66,000 pairs in one epoch, batch 256, at 6e-6, of at most 8,192 tokens, scores more
    than 1 apart, judged on the summary."""
    stage = config().stages["preference"]
    assert stage.type == "reward_model"
    assert (stage.prompts_per_step, stage.optim.learning_rate) == (256, 6e-6)
    assert round(66_000 / 256) == stage.steps
    assert (stage.least_gap, stage.reads, stage.sampling.max_new_tokens) == (1.0, "answer", 8192)


def test_it_runs_on_the_papers_512_gpus() -> None:
    """arXiv 2501.12948v2, supplement: 64 nodes of 8 H800."""
    hardware = config().hardware
    assert (hardware.processes, hardware.nodes) == (512, 64)
    assert resolve("r1-zero-paper", {}).config.hardware == hardware
    written = {
        planned.name: (stage.team_size, stage.completions_per_step // hardware.processes)
        for planned in config().plan
        if planned.kind in ("grpo", "rejection_sampling", "reward_model")
        for stage in [config().of_stage(planned.name)]
    }
    assert written == {
        "zero": (16, 1), "cold_start_data": (8, 2), "dev2": (16, 1), "sft_data": (2, 8),
        "preference": (2, 2), "rl2": (16, 1), "final": (16, 1),
    }  # fmt: skip


def test_every_number_says_where_it_is_from() -> None:
    """On its line, or above the stage."""
    text = re.sub(r"\[hardware\][^[]*", "", FILE.read_text().split("[stages.results]")[0])
    said = re.compile(r"# .*(\bN\b|\bA\b|likewise|nothing|choice|questions)")
    above: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            above.append(line)
        elif re.match(r"[\w ]+= (\{ *\w+ = )?[\d.e-]+", line):
            assert said.search(line) or said.search(" ".join(above)), line
        elif not line:
            above = []

"""`estimate`: the memory of a job as a table, a verdict and JSON."""

import json
import shutil
from pathlib import Path

import pytest

from training.cli import main
from training.cli.errors import UserError
from training.cli.estimate import format_bytes, parse_bytes
from training.config.memory import MemoryEstimate

FP8_ON_A_CPU = ("dtype=fp8", "require_native_fp8=true", "device=cpu")


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["estimate", *argv])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["estimate", *argv])
    assert stopped.value.code == 2
    message = capsys.readouterr().err.strip()
    assert "\n" not in message
    return message


@pytest.fixture(autouse=True)
def _passive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")


def test_a_table_by_part_and_phase_with_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "--preset", "r1-zero-nano", "--memory", "8GB")
    for word in ("weights", "gradients", "optimiser", "activations", "latent cache", "logits"):
        assert word in out
    last = out.strip().splitlines()[-1]
    assert "fits in 7.5 GiB. Largest hardware.chunk_tokens 8,320" in last


def test_json_is_the_estimate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('preset = "r1-zero-nano"\n[hardware]\nzero_stage = 2\n')
    arguments = (str(file), "--set", "hardware.processes=2", "--memory", "100MB", "--json")
    found = MemoryEstimate.model_validate(json.loads(run(capsys, *arguments)))
    assert found.parameters == 2_812_864
    assert found.device_bytes == 100_000_000
    assert found.fits is False
    assert found.largest_chunk_tokens is not None
    assert found.largest_chunk_tokens < 4160


def test_without_memory_that_of_this_machine_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (
        json.loads(run(capsys, "--preset", "r1-zero-nano", "--json", "--set",
                       f"hardware.processes={processes}", "--set", "hardware.device=cpu"))
        for processes in (1, 2)
    )  # fmt: skip
    assert one["device_bytes"] > 2**28
    assert two["device_bytes"] == one["device_bytes"] // 2  # processes share the RAM


def test_a_model_directory_is_read(capsys: pytest.CaptureFixture[str], tiny_model: Path) -> None:
    out = run(capsys, "--set", f"model.path={tiny_model}", "--memory", "8GB", "--json")
    found = json.loads(out)
    assert found["complete"]
    assert found["completion_tokens"] == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give a config file, --preset or --set: there is nothing to estimate."),
        (["--preset", "r9"], "preset: There is no preset “r9”."),
        (["--preset", "r1-zero-nano", "--set", "grpo.stepps=1"], "There is no field"),
        (["--set", "grpo=3"], "grpo: Input should be a valid dictionary"),
        (["--set", "grpo=3", "--set", "grpo.steps=1"], "grpo: It is a table of fields, not 3"),
        (["--preset", "r1-zero-nano", "--memory", "much"], "--memory: “much” is not of the form"),
        (["--preset", "r1-zero-nano", "--memory", "0GB"], "--memory: “0GB” is not of the form"),
        (["--set", "model.path=/nowhere"], "model.path: “/nowhere” is neither a shipped model"),
        (["missing.toml"], "missing.toml cannot be read"),
        (["--set", "sampling.speculative=true"], "sampling.speculative: the model has no multi"),
        (
            ["--set", "sampling.max_new_tokens=500"],
            "500 tokens after a prompt of 40 are more than the model's 512 positions",
        ),
        (
            [f"--set=hardware.{field}" for field in FP8_ON_A_CPU],
            "hardware.require_native_fp8: cpu has no FP8 arithmetic",
        ),
        (["--set", "task.name=no_such_task"], "no_such_task"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": None}, "hidden_size is missing from the model's config"),
        ({"qk_rope_head_dim": 15}, "qk_rope_head_dim is 15: rotary dimensions come in pairs"),
    ],
)
def test_a_model_that_cannot_be_built_is_refused(
    change: dict[str, object],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    shape = json.loads((tiny_model / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(shape | change))
    assert message in refused(capsys, "--set", f"model.path={tmp_path}")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("sampling.routing_replay=true", "sampling.routing_replay: this model has no experts"),
        ("hardware.expert_parallel=2", "hardware.expert_parallel: this model has no experts"),
    ],
)
def test_what_needs_experts_is_refused_of_a_model_without(
    setting: str, message: str, capsys: pytest.CaptureFixture[str], tiny_model: Path, tmp_path: Path
) -> None:
    shape = json.loads((tiny_model / "config.json").read_text())
    dense = {"first_k_dense_replace": shape["num_hidden_layers"]}
    (tmp_path / "config.json").write_text(json.dumps(shape | dense))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tiny_model / name, tmp_path / name)
    settings = [
        f"model.path={tmp_path}",
        "hardware.processes=2",
        "grpo.prompts_per_step=8",
        setting,
    ]
    assert message in refused(capsys, *(f"--set={each}" for each in settings))


@pytest.mark.parametrize(
    ("text", "size"),
    [("80GB", 80 * 10**9), ("80 GiB", 80 * 2**30), ("1.5tb", 1.5e12), ("512MiB", 2**29)],
)
def test_sizes_are_read_in_both_kinds_of_units(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["80", "GB", "-1GB", "1e9GB", "80GBs"])
def test_a_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--memory"):
        parse_bytes(text)


def test_bytes_are_shown_in_binary_units() -> None:
    assert [format_bytes(size) for size in (0, 1023, 1536, 2**31)] == [
        "0 B", "1023 B", "1.5 KiB", "2.0 GiB",
    ]  # fmt: skip

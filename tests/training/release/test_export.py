"""export writes a directory for others: rounded as said, described, whole or not there."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from kernels.quantize import BLOCK
from tests.training.model.random_models import build, with_fields
from tests.training.model.test_fp8_directories import WHOLE
from training import checkpoint
from training.base_models import find_model
from training.checkpoint import Manifest
from training.cli.errors import UserError
from training.cli.main import main
from training.config import CheckpointConfig
from training.model import hf
from training.release import checking, writing


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands set for themselves must not outlive the test."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("LOCAL_RANK", "0")


def export(*words: str | Path) -> int | str | None:
    with pytest.raises(SystemExit) as done:
        main(["export", *map(str, words)])
    return done.value.code


@pytest.fixture(scope="module")
def masters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights are fp32, as those that an optimiser keeps."""
    path = tmp_path_factory.mktemp("masters")
    hf.save(build(with_fields(WHOLE, vocab_size=512)), path, find_model("nano-base"))
    return path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint of a run, with what is known of it."""
    run_dir = tmp_path / "run-000007"
    partial = checkpoint.partial_path(run_dir, 50)
    checkpoint.begin(partial)
    hf.save(hf.load(find_model("nano-base")), partial / "weights", find_model("nano-base"))
    manifest = Manifest(
        step=50, tokens_total=1_234_567, processes=1, zero_stage=1, dtype="bf16", score=0.4375
    )
    task = {"type": "reasoning_gym", "name": "chain_sum", "options": {"min_terms": 2}}
    config = {"model": {"path": "/home/alice/secret/nano|base"}, "task": task}
    (run_dir / "config.json").write_text(json.dumps(config))
    return checkpoint.commit(partial, manifest, CheckpointConfig()).path


def test_fp32_weights_are_rounded_to_the_nearest_bf16(masters: Path, tmp_path: Path) -> None:
    assert export("--model", masters, "--out", tmp_path / "out") == 0

    exact = load_file(masters / "model.safetensors")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert stored.keys() == exact.keys()
    for name, value in exact.items():
        kept = name.endswith("e_score_correction_bias")
        assert stored[name].dtype == (torch.float32 if kept else torch.bfloat16)
        half_a_step = 2.0 ** (value.double().frexp().exponent - 9).double()
        off = (stored[name].double() - value.double()).abs()
        assert bool((off <= (0.0 if kept else half_a_step)).all()), name
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert loaded.dtype == torch.bfloat16
    assert loaded.get_input_embeddings().weight.equal(stored["model.embed_tokens.weight"])


def test_fp8_is_half_a_step_from_the_masters(masters: Path, tmp_path: Path) -> None:
    assert export("--model", masters, "--out", tmp_path / "out", "--dtype", "fp8") == 0

    exact = load_file(masters / "model.safetensors")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    quantized = [name for name, value in stored.items() if value.dtype == torch.float8_e4m3fn]
    assert len(quantized) > 10
    for name in quantized:
        scales = stored[f"{name}_scale_inv"].double()
        rows, columns = stored[name].shape
        spread = scales.repeat_interleave(BLOCK, 0)[:rows].repeat_interleave(BLOCK, 1)[:, :columns]
        value, back = exact[name].double(), stored[name].double() * spread
        # Half a step of E4M3, 2**-4 of a normal number or 2**-10 scales of a subnormal one, and
        # the rounding to bf16 before it.
        limit = value.abs() * (2**-4 + 2**-7) + spread * 2.0**-10
        assert bool(((value - back).abs() <= limit).all()), name


def test_files_are_listed_with_size_and_sha256(masters: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export("--model", masters, "--out", out) == 0

    release = json.loads((out / "release.json").read_text())
    present = {path.name for path in out.iterdir()} - {"release.json"}
    assert present == release["files"].keys()
    assert {"README.md", "config.json", "generation_config.json", "tokenizer.json"} <= present
    for name, file in release["files"].items():
        content = (out / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert release["checked"].startswith("transformers agrees")


def test_the_card_tells_what_manifest_and_config_tell(saved: Path, tmp_path: Path) -> None:
    assert export("--model", saved, "--out", tmp_path / "out") == 0

    card = (tmp_path / "out" / "README.md").read_text()
    rows = dict(
        line.strip("| ").split(" | ", 1)
        for line in card.splitlines()
        if line.startswith("| ") and " | " in line.strip("| ")
    )
    assert rows["Base model"] == r"nano\|base"  # where the directory is stays here
    assert rows["Data"] == r'reasoning\_gym: chain\_sum {"min\_terms": 2}'
    assert (rows["Steps"], rows["Tokens trained on"]) == ("50", "1,234,567")
    assert rows["Held-out pass@1"] == "43.8%"
    assert "alice" not in card
    assert card.startswith('---\nlibrary_name: "transformers"\n')


def test_a_given_card_is_taken_as_it_is(masters: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("---\nlicense: mit\n---\n# Adder\n")
    assert export("--model", masters, "--out", tmp_path / "out", "--card", card) == 0
    assert (tmp_path / "out" / "README.md").read_bytes() == card.read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_card_that_cannot_be_read_is_refused_first(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "card.md").write_bytes(content)
    assert export("--out", tmp_path / "out", "--card", tmp_path / "card.md") == 2
    assert capsys.readouterr().err.startswith("--card: ")
    assert not (tmp_path / "out").exists()


def test_the_same_export_is_left_alone_and_any_other_directory_is_refused(
    masters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert export("--model", masters, "--out", out) == 0
    written = (out / "release.json").stat().st_mtime_ns
    assert export("--model", masters, "--out", out) == 0
    assert "already there" in capsys.readouterr().out
    assert (out / "release.json").stat().st_mtime_ns == written

    assert export("--model", masters, "--out", out, "--dtype", "fp8") == 2
    assert export("--model", "nano-base", "--out", out) == 2
    assert capsys.readouterr().err.count("holds another export (bf16)") == 2
    (out / "config.json").write_text("{}")
    assert export("--model", masters, "--out", out) == 2
    assert "were changed" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("…")
    assert export("--model", masters, "--out", tmp_path / "mine") == 2
    assert "no finished export" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_two_that_make_the_same_share_no_directory_and_sweep_what_was_left(tmp_path: Path) -> None:
    out, asked = tmp_path / "out", writing.Asked(dtype="bf16", source="", card="")
    (tmp_path / ".out.dead.partial").mkdir()
    (tmp_path / ".out-of-ink.dead.partial").mkdir()  # of another

    def fill(partial: Path) -> str:
        (partial / "config.json").write_text("{}")
        return "as it should be"

    def fill_late(partial: Path) -> str:
        writing.write(out, asked, fill)
        assert list(partial.iterdir()) == []
        return fill(partial)

    writing.write(out, asked, fill_late)
    assert writing.already_there(out, asked)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"out", ".out-of-ink.dead.partial"}


def test_one_that_another_export_was_faster_than_is_refused(tmp_path: Path) -> None:
    out, asked = tmp_path / "out", writing.Asked(dtype="bf16", source="", card="")

    def fill_late(partial: Path) -> str:
        writing.write(out, writing.Asked(dtype="fp8", source="", card=""), lambda _: "")
        return ""

    with pytest.raises(UserError, match=r"another export \(fp8\)"):
        writing.write(out, asked, fill_late)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_broken_off_leaves_nothing(
    masters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(checking, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main(["export", "--model", str(masters), "--out", str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []
    assert export("--model", masters, "--out", tmp_path / "out") == 0

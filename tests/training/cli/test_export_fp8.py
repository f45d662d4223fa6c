"""export --dtype fp8 writes DeepSeek's layout, and says what transformers makes of it."""

from pathlib import Path

import pytest
import torch

from tests.training.model.random_models import build, with_fields
from tests.training.model.test_fp8_directories import WHOLE
from training.base_models import find_model
from training.cli.main import main
from training.model import hf


def export(model: Path, out: Path) -> int | str | None:
    with pytest.raises(SystemExit) as done:
        main(["export", "--model", str(model), "--out", str(out), "--dtype", "fp8"])
    return done.value.code


def test_transformers_agrees_on_whole_blocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build(with_fields(WHOLE, vocab_size=512)).bfloat16()
    hf.save(model, tmp_path / "model", find_model("nano-base"))
    assert export(tmp_path / "model", tmp_path / "out") == 0
    assert "transformers agrees" in capsys.readouterr().out
    fp8 = (tmp_path / "out" / "model.safetensors").stat().st_size
    assert fp8 < 0.7 * (tmp_path / "model" / "model.safetensors").stat().st_size


def test_blocks_that_transformers_reads_wrongly_are_not_given_to_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(find_model("nano-base"), tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "not opened in transformers as FP8" in said
    assert "turned back into bf16 transformers agrees" in said
    exact, near = hf.load(find_model("nano-base")), hf.load(tmp_path / "out")
    weight, read = exact.blocks[1].attention.out.weight, near.blocks[1].attention.out.weight
    assert not torch.equal(weight, read)
    exact_OI, read_OI = weight.double(), read.double()
    # Half a step of E4M3: 2**-4 of a normal number, 2**-10 scales of a subnormal one. And bf16's.
    step_OI = exact_OI.abs() * (2**-4 + 2**-8) + exact_OI.abs().max() / 448 * 2**-10
    assert bool(((exact_OI - read_OI).abs() <= step_OI).all())


def test_another_model_has_no_published_fp8_layout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415 - slow to import

    shape = LlamaConfig(
        vocab_size=512, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2,
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((find_model("nano-base") / name).read_bytes())
    assert export(tmp_path, tmp_path / "out") == 2
    assert "--dtype fp8: only DeepSeek" in capsys.readouterr().err

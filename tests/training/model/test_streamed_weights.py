"""Weights travel between files and model a tensor at a time, in files that others read."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.training.model.random_models import build, twin
from training.model import ModelConfig, Transformer, hf
from training.model.safetensors_io import DTYPES, Writer, read_header

LARGE = ModelConfig(
    vocab_size=2000, hidden_size=512, intermediate_size=1024, moe_intermediate_size=512,
    num_hidden_layers=2, num_attention_heads=4, kv_lora_rank=128, q_lora_rank=None,
    qk_nope_head_dim=64, qk_rope_head_dim=32, v_head_dim=64, n_routed_experts=16,
    num_experts_per_tok=2, first_k_dense_replace=0, tie_word_embeddings=True,
)  # fmt: skip
"""27 million parameters: 54 MB in bf16, 17 MB the largest tensor."""

MEASURE = """
import gc, json, re, sys
from pathlib import Path

import torch
from training.model import hf

torch.set_num_threads(1)

def status(field):
    found = re.search(field + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024

def peak(work):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    result = work()
    return result, status("VmHWM")

for directory, dtype in ("bf16", "bfloat16"), ("bf16", "float32"), ("fp8", "bfloat16"):
    for size in ("small", "large"):  # the small one for imports and thread pools
        source = f"{sys.argv[1]}/{size}-{directory}"
        before = status("VmRSS")
        model, loading = peak(lambda: hf.load(source, getattr(torch, dtype)))
        _, saving = peak(lambda: hf.save(model, source + "/again", fp8=directory == "fp8"))
        held = sum(parameter.nbytes for parameter in model.parameters())
        del model
        gc.collect()
    print(json.dumps([(loading - before) / held, (saving - before) / held]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak")
def test_the_model_is_never_twice_in_memory(tmp_path: Path, config: ModelConfig) -> None:
    """The peak of resident memory over the model's bytes, while loading and while saving: bf16 as
    stored, bf16 as fp32, and FP8 as bf16."""
    for size, shape in (("small", config), ("large", LARGE)):
        model = build(shape).bfloat16()
        hf.save(model, tmp_path / f"{size}-bf16")
        hf.save(model, tmp_path / f"{size}-fp8", fp8=True)
    freed_at_once = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)], env=freed_at_once, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    shares = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(shares) == 3
    for loading, saving in shares:
        assert 0.9 < loading < 1.15, shares
        assert 0.9 < saving < 1.15, shares


def test_a_written_file_is_the_one_that_safetensors_writes(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {
        f"{name}.{shape}": torch.randn(shape, generator=generator).to(dtype)
        for name, dtype in DTYPES.items()
        for shape in ((3,), (2, 5), (0, 4), (1, 1, 7))
    }
    write(tmp_path / "ours", tensors)
    save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def write(path: Path, tensors: dict[str, Tensor]) -> None:
    layout = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    with Writer(path, layout) as out:
        for name, tensor in tensors.items():
            out.put(name, tensor)


@given(
    rows=st.integers(1, 700),
    columns=st.integers(1, 3000),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    transposed=st.booleans(),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_tensor_is_read_into_any_dtype_and_strides(
    tmp_path_factory: pytest.TempPathFactory, rows: int, columns: int, dtype: torch.dtype,
    transposed: bool,
) -> None:  # fmt: skip
    """Also one that takes several pieces to read."""
    path = tmp_path_factory.mktemp("tensor") / "file"
    tensor = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows))
    write(path, {"tensor": tensor})
    place = torch.empty((columns, rows) if transposed else (rows, columns), dtype=dtype)
    place = place.t() if transposed else place
    stored = read_header(path)["tensor"]
    stored.read_into(place)
    assert torch.equal(place, tensor.to(dtype))
    assert stored.equals(place)
    place[-1, -1] += 1
    assert not stored.equals(place)


def test_a_model_in_shards_is_the_same_model(tmp_path: Path, config: ModelConfig) -> None:
    model = build(config)
    hf.save(model, tmp_path / "one")
    hf.save(model, tmp_path / "many", shard_bytes=50_000)
    files = sorted(file.name for file in (tmp_path / "many").glob("*.safetensors"))
    index = json.loads((tmp_path / "many" / "model.safetensors.index.json").read_text())
    whole = load_file(tmp_path / "one" / "model.safetensors")

    assert len(files) > 5
    assert files == [
        f"model-{i:05d}-of-{len(files):05d}.safetensors" for i in range(1, len(files) + 1)
    ]
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in whole.values())
    assert index["weight_map"].keys() == whole.keys()
    for file in files:
        held = load_file(tmp_path / "many" / file)
        assert sum(tensor.nbytes for tensor in held.values()) <= 50_000
        assert {name for name, where in index["weight_map"].items() if where == file} == held.keys()
    _assert_same(model, hf.load(tmp_path / "many"))
    _assert_opens_in_transformers(tmp_path / "many", model)


def test_saving_again_leaves_no_file_of_before(tmp_path: Path, config: ModelConfig) -> None:
    with_layer = ModelConfig(**{**vars(config), "num_nextn_predict_layers": 1})
    hf.save(build(with_layer), tmp_path, shard_bytes=50_000)
    model = build(config, seed=1)
    hf.save(model, tmp_path)
    assert [file.name for file in tmp_path.glob("*.safetensors*")] == ["model.safetensors"]
    _assert_same(model, hf.load(tmp_path))


def test_loading_computes_no_random_number(
    tmp_path: Path, config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that nobody filled would hold what the memory held: every one is filled."""
    model = build(config)
    hf.save(model, tmp_path)
    empty = torch.empty_like

    def poisoned(*args: Any, **kwargs: Any) -> Tensor:
        return empty(*args, **kwargs).fill_(torch.nan)

    monkeypatch.setattr(torch, "empty_like", poisoned)
    state = torch.get_rng_state()
    again = hf.load(tmp_path)
    assert torch.equal(state, torch.get_rng_state())
    _assert_same(model, again)
    for (name, ours), theirs in zip(model.named_buffers(), again.buffers(), strict=True):
        assert torch.equal(ours, theirs), name


def _assert_same(model: Transformer, other: Transformer) -> None:
    state, again = model.state_dict(), other.state_dict()
    assert state.keys() == again.keys()
    for name, tensor in state.items():
        assert tensor.dtype == again[name].dtype, name
        assert torch.equal(tensor, again[name]), name


def _assert_opens_in_transformers(directory: Path, model: Transformer) -> None:
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - slow to import

    other, report = AutoModelForCausalLM.from_pretrained(directory, output_loading_info=True)
    assert not any(report.values()), report
    expected = twin(model).state_dict()
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, expected[name]), name

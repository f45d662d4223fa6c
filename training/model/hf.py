"""Hugging Face directories in and out: config.json, safetensors, generation_config.json."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from training.model.checkpoint_names import Mapping, mappings
from training.model.config import ModelConfig
from training.model.transformer import Transformer

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


class CheckpointError(ValueError):
    """A directory cannot be read as a model; the message names the file or tensor."""


def load(path: Path | str, dtype: torch.dtype | None = None) -> Transformer:
    """Read the model in `path`, in `dtype` or as stored.

    Raises `CheckpointError` for a missing or broken file and for any tensor that is missing,
    superfluous or of the wrong shape, and `ModelConfigError` for a shape it cannot build.
    """
    path = Path(path)
    config = ModelConfig.from_hf(_read_json(path / "config.json"))
    stored = _read_tensors(path)
    with torch.device("meta"):
        model = Transformer(config)
    wanted = model.state_dict()
    joined = {
        mapping.ours: _join(mapping, stored, wanted[mapping.ours].shape)
        for mapping in mappings(config)
    }
    if stored:
        raise CheckpointError(f"{path} holds a tensor this model has no place for: {min(stored)}")
    with torch.random.fork_rng(devices=[]):  # the fresh weights are about to be overwritten
        model = Transformer(config)
    model = model.to(dtype or joined["embedding.weight"].dtype)
    if config.tie_word_embeddings:
        joined["head.weight"] = joined["embedding.weight"]
    model.load_state_dict(joined)
    return model


def save(model: Transformer, path: Path | str, tokenizer_path: Path | str | None = None) -> None:
    """Write `model` as it is to the directory `path`, with the tokenizer files of another."""
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    config = model.config
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    _write_json(path / "config.json", {**config.to_hf(), "dtype": dtype})
    special = {
        name: getattr(config, name)
        for name in ("bos_token_id", "eos_token_id", "pad_token_id")
        if getattr(config, name) is not None
    }
    _write_json(path / "generation_config.json", {"do_sample": True, **special})
    state = model.state_dict()
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for mapping in mappings(config)
        for name, tensor in mapping.split(state[mapping.ours]).items()
    }
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    for name in TOKENIZER_FILES if tokenizer_path is not None else ():
        source = Path(tokenizer_path or "") / name
        if source.exists() and source.resolve() != (path / name).resolve():
            shutil.copyfile(source, path / name)


def _join(mapping: Mapping, stored: dict[str, Tensor], shape: torch.Size) -> Tensor:
    names = mapping.split(torch.empty(shape, device="meta"))
    for name, expected in names.items():
        if name not in stored:
            raise CheckpointError(f"{name} is missing from the checkpoint")
        if stored[name].shape != expected.shape:
            raise CheckpointError(
                f"{name} has shape {list(stored[name].shape)}: "
                f"config.json asks for {list(expected.shape)}"
            )
    return mapping.join({name: stored.pop(name) for name in names})


def _read_tensors(path: Path) -> dict[str, Tensor]:
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise CheckpointError(f"{path} holds no .safetensors file")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as content:
                tensors |= {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a dict
        except SafetensorError as error:
            raise CheckpointError(f"{file} cannot be read as safetensors: {error}") from error
    return tensors


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: not a model directory") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

"""Hugging Face directories in and out: config.json, safetensors, generation_config.json.

Tensors travel one at a time between the files and the model's own memory: neither loading nor
saving holds a second copy of the model.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kernels.quantize import quantize_blocks
from training.model import fp8_checkpoint
from training.model.checkpoint_names import Mapping, mappings, mtp_copies, mtp_mappings
from training.model.config import ModelConfig
from training.model.experts import Experts
from training.model.fp8_checkpoint import E4M3, scale_name, scale_shape
from training.model.rope import Rope
from training.model.router import Router
from training.model.safetensors_io import CheckpointError, Stored, Writer, read_header
from training.model.transformer import Transformer

__all__ = ["SHARD_BYTES", "CheckpointError", "load", "save", "tensors"]

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
WEIGHTS, INDEX, MTP = "model.safetensors", "model.safetensors.index.json", "mtp.safetensors"
SHARD_BYTES = 5_000_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Piece:
    """A tensor of the checkpoint: its name, its place in the model, and whether FP8 stores it."""

    name: str
    tensor: Tensor
    fp8: bool


def load(path: Path | str, dtype: torch.dtype | None = None) -> Transformer:
    """Read the model in `path`, in `dtype` or as its embedding is stored; FP8 is dequantised.

    Raises `CheckpointError` for a missing or broken file and for any tensor that is missing,
    superfluous or of the wrong shape, and `ModelConfigError` for a shape it cannot build.
    """
    path = Path(path)
    source = _read_json(path / "config.json")
    fp8 = fp8_checkpoint.announced(source)
    stored = _find_tensors(path)
    config = ModelConfig.from_hf(_settle_mtp(source, stored))
    embedding = stored.get("model.embed_tokens.weight")
    model = _allocate(config, dtype or (embedding.dtype if embedding else torch.float32))
    pieces = [*_pieces(model, mappings(config), fp8=fp8)]
    pieces += _pieces(model, mtp_mappings(config), fp8=fp8)
    found = [_match(piece, stored) for piece in pieces]
    copies = [piece for piece in _copies(model) if piece.name in stored]
    found_copies = [_match(piece, stored)[0] for piece in copies]
    if stored:
        raise CheckpointError(f"{path} holds a tensor this model has no place for: {min(stored)}")
    for piece, (weight, scale) in zip(pieces, found, strict=True):
        if scale is None:
            weight.read_into(piece.tensor)
        else:
            fp8_checkpoint.read_into(weight, scale, piece.tensor)
    for piece, copy in zip(copies, found_copies, strict=True):
        if not copy.equals(piece.tensor):
            raise CheckpointError(f"{copy.name} differs from the tensor it is a copy of")
    return model


def save(
    model: Transformer,
    path: Path | str,
    tokenizer_path: Path | str | None = None,
    *,
    fp8: bool = False,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write `model` as it is to the directory `path`, with the tokenizer files of another.

    With `fp8` the linear layers are quantised as DeepSeek publishes them. Files of weights hold at
    most `shard_bytes`, or one tensor; those of a model that was here before are removed.
    """
    path = Path(path)
    path.mkdir(parents=True, exist_ok=True)
    config = model.config
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    quantization = {"quantization_config": fp8_checkpoint.QUANTIZATION_CONFIG} if fp8 else {}
    _write_json(path / "config.json", {**config.to_hf(), **quantization, "dtype": dtype})
    special = {
        name: getattr(config, name)
        for name in ("bos_token_id", "eos_token_id", "pad_token_id")
        if getattr(config, name) is not None
    }
    _write_json(path / "generation_config.json", {"do_sample": True, **special})
    _write_weights(model, path, fp8=fp8, shard_bytes=shard_bytes)
    for name in TOKENIZER_FILES if tokenizer_path is not None else ():
        source = Path(tokenizer_path or "") / name
        if source.exists() and source.resolve() != (path / name).resolve():
            shutil.copyfile(source, path / name)


def tensors(model: Transformer) -> Iterator[tuple[str, Tensor]]:
    """What `save` writes, by name, as views of the model's memory: without the multi-token
    prediction layer, and with the output head also where it is the embedding."""
    for piece in _pieces(model, mappings(model.config), fp8=False):
        yield piece.name, piece.tensor
    if model.config.tie_word_embeddings:
        yield "lm_head.weight", model.head.weight


def _allocate(config: ModelConfig, dtype: torch.dtype) -> Transformer:
    """A model whose parameters are memory yet to be filled; nothing random is computed."""
    with torch.device("meta"):
        model = Transformer(config)
    for module in list(model.modules()):
        if isinstance(module, Experts):
            module.router = Router(config)  # its buffers are not all stored: they have to be real
    model.to(dtype)
    model.rope = Rope(config)  # likewise
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.is_meta:
                setattr(module, name, nn.Parameter(torch.empty_like(parameter, device="cpu")))
    if config.tie_word_embeddings:
        model.head.weight = model.embedding.weight
    return model


def _pieces(model: Transformer, mapped: list[Mapping], *, fp8: bool) -> Iterator[_Piece]:
    state = model.state_dict()
    for mapping in mapped:
        for name, tensor in mapping.split(state[mapping.ours]).items():
            yield _Piece(name, tensor, fp8 and mapping.linear)


def _copies(model: Transformer) -> list[_Piece]:
    """Tensors that a checkpoint may hold twice, and ours hold once."""
    found = mtp_copies(model.config)
    if model.config.tie_word_embeddings:
        found.append(Mapping("embedding.weight", ("lm_head.weight",)))
    return [*_pieces(model, found, fp8=False)]


def _match(piece: _Piece, stored: dict[str, Stored]) -> tuple[Stored, Stored | None]:
    """Take the piece, and its scale when it is in FP8, out of `stored`."""
    weight = _take(stored, piece.name, tuple(piece.tensor.shape))
    if (weight.dtype == E4M3) != piece.fp8:
        raise CheckpointError(
            f"{piece.name} is not stored in FP8, as the quantization_config announces"
            if piece.fp8
            else f"{piece.name} is stored in FP8, where config.json announces none"
        )
    if not piece.fp8:
        return weight, None
    scale = _take(stored, scale_name(piece.name), scale_shape(weight.shape))
    if scale.dtype != torch.float32:
        raise CheckpointError(f"{scale.name} is stored as {scale.dtype}: need float32")
    return weight, scale


def _take(stored: dict[str, Stored], name: str, shape: tuple[int, ...]) -> Stored:
    if name not in stored:
        raise CheckpointError(f"{name} is missing from the checkpoint")
    if stored[name].shape != shape:
        raise CheckpointError(
            f"{name} has shape {list(stored[name].shape)}: config.json asks for {list(shape)}"
        )
    return stored.pop(name)


def _settle_mtp(source: dict[str, Any], stored: dict[str, Stored]) -> dict[str, Any]:
    """The config, its multi-token prediction layer as the files have it.

    A config that says 0 has the layer's tensors passed over. One that announces a layer of which
    there is no tensor is what transformers writes of every model, having dropped the layer.
    """
    prefix = f"model.layers.{source.get('num_hidden_layers')}."
    held = [name for name in stored if name.startswith(prefix)]
    announced = source.get("num_nextn_predict_layers")
    if announced == 0:
        for name in held:
            del stored[name]
    if announced and not held:
        _log.warning(
            "config.json announces num_nextn_predict_layers %s, but there is no tensor %s*: "
            "loading the model without that layer", announced, prefix,
        )  # fmt: skip
        return {**source, "num_nextn_predict_layers": 0}
    return source


def _find_tensors(path: Path) -> dict[str, Stored]:
    """All tensors of the directory by name; those that the index names when there is one."""
    files = sorted(path.glob("*.safetensors"))
    index: dict[str, str] = {}
    if (path / INDEX).exists():
        index = _read_json(path / INDEX).get("weight_map", {})
        if not isinstance(index, dict) or not all(isinstance(n, str) for n in index.values()):
            raise CheckpointError(f"{path / INDEX}: its weight_map must map tensors to files")
        files = [path / Path(name).name for name in sorted(set(index.values()))]
    if not files:
        raise CheckpointError(f"{path} holds no .safetensors file")
    found: dict[str, Stored] = {}
    for file in files:
        for name, stored in read_header(file).items():
            if name in found:
                raise CheckpointError(f"{name} is both in {found[name].file.name} and {file.name}")
            found[name] = stored
    for name, file_name in index.items():
        if name not in found or found[name].file.name != file_name:
            raise CheckpointError(f"{name} is not in {file_name}, where {INDEX} says it is")
    return found


def _write_weights(model: Transformer, path: Path, *, fp8: bool, shard_bytes: int) -> None:
    for old in (*path.glob("model-*-of-*.safetensors"), path / WEIGHTS, path / INDEX, path / MTP):
        old.unlink(missing_ok=True)
    config = model.config
    shards = _shards([*_pieces(model, mappings(config), fp8=fp8)], shard_bytes)
    count = len(shards)
    files = {
        WEIGHTS if count == 1 else f"model-{i:05d}-of-{count:05d}.safetensors": shard
        for i, shard in enumerate(shards, 1)
    }
    if config.num_nextn_predict_layers:
        # In a file of its own: transformers would complain of a layer after the last one.
        layer = _pieces(model, mtp_mappings(config), fp8=fp8)
        files[MTP] = [*layer, *_pieces(model, mtp_copies(config), fp8=False)]
    for name, pieces in files.items():
        _write_file(path / name, pieces)
    if count > 1:
        layouts = {name: _layout(pieces) for name, pieces in files.items()}
        total = sum(_bytes(piece) for pieces in files.values() for piece in pieces)
        weight_map = {tensor: name for name, layout in layouts.items() for tensor in layout}
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        _write_json(path / INDEX, index)


def _shards(pieces: list[_Piece], shard_bytes: int) -> list[list[_Piece]]:
    """Consecutive pieces, as many as fit into `shard_bytes` and at least one."""
    shards: list[list[_Piece]] = [[]]
    room = shard_bytes
    for piece in pieces:
        room -= _bytes(piece)
        if room < 0 and shards[-1]:
            shards.append([])
            room = shard_bytes - _bytes(piece)
        shards[-1].append(piece)
    return shards


def _layout(pieces: list[_Piece]) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """dtype and shape of what the pieces are stored as."""
    layout: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
    for piece in pieces:
        shape = tuple(piece.tensor.shape)
        layout[piece.name] = (E4M3 if piece.fp8 else piece.tensor.dtype, shape)
        if piece.fp8:
            layout[scale_name(piece.name)] = (torch.float32, scale_shape(shape))
    return layout


def _bytes(piece: _Piece) -> int:
    return sum(
        torch.Size(shape).numel() * dtype.itemsize for dtype, shape in _layout([piece]).values()
    )


def _write_file(path: Path, pieces: list[_Piece]) -> None:
    with Writer(path, _layout(pieces)) as out:
        for piece in pieces:
            if piece.fp8:
                values, scales = quantize_blocks(piece.tensor)
                out.put(piece.name, values)
                out.put(scale_name(piece.name), scales)
            else:
                out.put(piece.name, piece.tensor)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is missing: not a model directory") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return content


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

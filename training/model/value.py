"""A model that gives a sequence one number: a policy's trunk with a score in place of its head.

B sequences, T time, D hidden size. It is saved in the layout of transformers' classes for sequence
classification, so that anything can serve it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.model import policy
from training.model.config import ModelConfigError
from training.model.packing import pack
from training.model.policy import Policy
from training.model.safetensors_io import read_header
from training.model.transformer import Transformer

SCORE = "score.weight"
_INDEX, _WEIGHTS = "model.safetensors.index.json", "model.safetensors"
_SCORE_FILE = "score.safetensors"


class ValueModel(nn.Module):
    """`trunk` keeps its output head, which has no part in this."""

    def __init__(self, trunk: Policy) -> None:
        super().__init__()
        self.trunk = trunk
        width = int(trunk.config.hidden_size)
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.score.weight)  # all sequences are worth the same before training

    def forward(self, tokens_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """fp32 [B], of the state at each sequence's last token; padding stands on the right."""
        if isinstance(self.trunk, Transformer):
            packed = pack(tokens_BT, mask_BT.bool())
            last_B = packed.rows_BT.gather(1, mask_BT.long().sum(1, keepdim=True) - 1).squeeze(1)
            hidden_BD = self.trunk(packed).index_select(0, last_B)
        else:
            hidden_BTD = self.trunk(tokens_BT, mask_BT)
            rows_B = torch.arange(len(tokens_BT), device=tokens_BT.device)
            hidden_BD = hidden_BTD[rows_B, mask_BT.long().sum(1) - 1]
        scores_B: Tensor = self.score(hidden_BD).squeeze(1).float()
        return scores_B


def save(model: ValueModel, path: Path, tokenizer_path: Path) -> None:
    """Write a directory that AutoModelForSequenceClassification opens. Raises ModelConfigError for
    an architecture of which transformers has no such class."""
    policy.save(model.trunk, path, tokenizer_path)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = [_class_of(config["model_type"])]
    config |= {"id2label": {"0": "score"}, "label2id": {"score": 0}}
    _write_json(path / "config.json", config)
    weight = model.score.weight.detach().to("cpu").contiguous()
    save_file({SCORE: weight}, path / _SCORE_FILE, metadata={"format": "pt"})
    _write_json(path / _INDEX, _with_score(path, weight.nbytes))


def _with_score(path: Path, size: int) -> dict[str, Any]:
    """The index of the directory's files, the score's among them."""
    if (path / _INDEX).exists():
        index: dict[str, Any] = json.loads((path / _INDEX).read_text(encoding="utf-8"))
    else:
        # transformers takes a file of this name for all there is.
        whole = path / "model-00001-of-00001.safetensors"
        (path / _WEIGHTS).rename(whole)
        names = dict.fromkeys(read_header(whole), whole.name)
        index = {"metadata": {"total_size": whole.stat().st_size}, "weight_map": names}
    index["weight_map"][SCORE] = _SCORE_FILE
    index["metadata"]["total_size"] += size
    return index


def _class_of(model_type: str) -> str:
    from transformers.models.auto.modeling_auto import (  # noqa: PLC0415 - takes seconds
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as KNOWN,
    )

    name = KNOWN.get(model_type)
    if name is None:
        raise ModelConfigError(
            f"model_type is {model_type!r}: transformers has no sequence classification of it, so "
            "no reward model can be made of this policy"
        )
    return str(name)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

"""The card of a dataset that a stage has made: it lies beside the file, as NAME.card.json."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.events import DatasetCard, SourceFile
from training.provenance.files import sha256_of


def made_card(
    path: Path, *, stage: str, checkpoint: str, rules: dict[str, Any], seed: int, rows: int,
    sha256: str,
) -> DatasetCard:  # fmt: skip
    """Write the card of what `stage` has made: sampled from `checkpoint`, kept by `rules`."""
    file = SourceFile(path=path.name, bytes=path.stat().st_size, sha256=sha256)
    card = identified(
        DatasetCard(
            id="", role="training", field="", name=path.name, source="stage", origin=stage,
            options={"sampled_from": checkpoint, "kept_by": rules}, seed=seed, rows=rows,
            files=[file], file_count=1, sha256=sha256,
        )
    )  # fmt: skip
    _beside(path).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return card


def card_beside(path: Path) -> DatasetCard | None:
    """None without one, and for one of other contents than the file has now."""
    try:
        card = DatasetCard.model_validate_json(_beside(path).read_bytes())
    except (OSError, ValidationError):
        return None
    return card if card.sha256 == sha256_of(path) else None


def _beside(path: Path) -> Path:
    return path.with_suffix(".card.json")


def identified(card: DatasetCard) -> DatasetCard:
    """With its id: 16 hex digits of the SHA-256 of what it is."""
    told = card.model_dump(mode="json", exclude={"id", "role", "field", "scan", "files"})
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return card.model_copy(update={"id": hashlib.sha256(canonical.encode()).hexdigest()[:16]})

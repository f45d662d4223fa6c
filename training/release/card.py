"""The model card: README.md as the hub reads it, from what checkpoint and run have written down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from training.checkpoint import MANIFEST, WEIGHTS

CARD = "README.md"
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]*[\w-]")
_LICENCE = re.compile(r"^license:[ \t]*([\w.+-]+)[ \t]*$", re.MULTILINE)
_DTYPES = {
    "bf16": "bf16",
    "fp8": "FP8 (E4M3 in blocks of 128×128, DeepSeek's layout), the rest bf16",
}


def plain_card(source: Path, dtype: str) -> str:
    """A card of facts only, for the weights made from the Hugging Face directory `source`.

    Of a checkpoint it tells base model, data, steps and score, as far as its manifest and its run's
    config.json tell them; of local paths the last part only.
    """
    manifest, config = _manifest_and_config(source)
    base = str(_at(config, "model", "path") or "")
    licence = _licence(source, base)
    rows = [
        ("Base model", _name_of(base)),
        ("Data", _data(config)),
        ("Stage", manifest.get("stage")),
        ("Steps", manifest.get("step")),
        ("Tokens trained on", manifest.get("tokens_total")),
        ("Held-out pass@1", _score(manifest.get("score"))),
        ("Weights", _DTYPES[dtype]),
        ("Licence", licence or "not stated; that of the base model applies"),
    ]
    known = [f"| {name} | {_cell(value)} |" for name, value in rows if value not in (None, "")]
    title = (
        f"{_cell(_name_of(base) or source.name)}{', trained further with r1web' * bool(manifest)}"
    )
    return "\n".join([_head(base, licence), f"# {title}", "", "| | |", "|---|---|", *known, _USE])


_USE = """
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("DIRECTORY", dtype="auto")
tokenizer = AutoTokenizer.from_pretrained("DIRECTORY")
```

`release.json` has the SHA-256 of every file, and what the check in transformers has shown.
"""


def _head(base: str, licence: str) -> str:
    """The YAML block. Every text in it is JSON, which is YAML."""
    fields = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "base_model": base if _HUB_NAME.fullmatch(base) and not Path(base).exists() else "",
        "license": licence,
    }
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in fields.items() if value]
    return f"---\n{''.join(lines)}---\n"


def _manifest_and_config(source: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of RUN_DIR/checkpoints/step-N/weights; empty where there are none."""
    if source.name != WEIGHTS:
        return {}, {}
    return _read(source.parent / MANIFEST), _read(source.parents[2] / "config.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a card tells what is known
    return found if isinstance(found, dict) else {}


def _data(config: dict[str, Any]) -> str:
    tasks = [
        config.get("task"),
        *(_at(stage, "task") for stage in config.get("stages", {}).values()),
    ]
    return "; ".join(dict.fromkeys(_task(task) for task in tasks if isinstance(task, dict)))


def _task(task: dict[str, Any]) -> str:
    where = task.get("dataset") or task.get("name") or _name_of(str(task.get("path") or ""))
    options = task.get("options")
    asked = f" {json.dumps(options)}" if options else ""
    return f"{task.get('type')}: {where}{asked}" if where else str(task.get("type"))


def _licence(source: Path, base: str) -> str:
    """As the base model's or the source's own card states it, where one is at hand."""
    for directory in (source, *([Path(base).expanduser()] if base else [])):
        card = directory / CARD
        if card.is_file():
            text = card.read_text(encoding="utf-8", errors="replace")
            head = text.split("---", 2)[1] if text.startswith("---") else ""
            if found := _LICENCE.search(head):
                return found[1]
    return ""


def _name_of(path: str) -> str:
    """A hub's name as it is; of a directory its name alone: where it lies is nobody's affair."""
    return path if _HUB_NAME.fullmatch(path) else Path(path).name


def _score(score: object) -> str | None:
    return f"{score:.1%}" if isinstance(score, float) else None


def _cell(value: object) -> str:
    """As one line of plain text within a table."""
    if isinstance(value, int):
        return f"{value:,}"
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(str(value).split()))


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value

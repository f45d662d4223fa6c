"""Cards of the datasets that a stage learns from and is evaluated on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import metadata, version
from pathlib import Path
from typing import Any, Literal

from training.config import (
    FromFilesConfig,
    MixtureConfig,
    Planned,
    PythonTaskConfig,
    ReasoningGymConfig,
    RunConfig,
    SingleTaskConfig,
    TaskConfig,
    task_name,
)
from training.config.presets import pretrain_config
from training.events import DatasetCard, ScanRecord, SourceFile
from training.provenance.files import described, sum_of
from training.provenance.made import card_beside, identified
from training.provenance.scan import scan_rows
from training.tasks.rows import JoinedRows, open_rows
from training.tasks.sources import find_files

Role = Literal["training", "evaluation", "pretraining"]
SAMPLES = frozenset({"grpo", "rejection_sampling", "reward_model"})
"""Types of stages that train on what their task asks."""
FILES_TOLD = 50
"""How many files of a dataset are told one by one."""
_LICENCE = re.compile(r"^license:\s*(?:-\s*)?[\"']?([^\s\"']+)", re.MULTILINE)
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})/")


def cards_of(config: RunConfig, planned: Planned, data: Mapping[str, Path]) -> list[DatasetCard]:
    """Of everything that the stage reads; `config` is the stage's own, `data` the files that it
    learns from, by field. Raises TaskError or OSError for files that are not there."""
    found: list[DatasetCard] = []
    if planned.kind in SAMPLES:
        found += _of_task(config.task, "task", "training", config.seed, None)
    found += [_of_file(field, path) for field, path in data.items()]
    problems = config.evaluation.problems
    found += _of_task(config.task, "task", "evaluation", None, problems)
    for place, one in enumerate(config.evaluation.sets):
        field = f"evaluation.sets.{place}.task"
        found += _of_task(one.task, field, "evaluation", None, one.problems)
    return found


def corpus_card(preset: str) -> DatasetCard:
    """Of the text that a shipped model was pretrained on."""
    config = pretrain_config(preset)
    return _card(
        role="pretraining", field="model.path", name=f"corpus of {preset}", source="generator",
        origin="training.corpus", version=version("reasoning-gym"), seed=config.seed,
        options={"careful_share": config.careful_share},
        rows=config.steps * config.documents_per_step,
    )  # fmt: skip


def _of_task(
    task: TaskConfig | SingleTaskConfig, field: str, role: Role, seed: int | None, rows: int | None
) -> Iterator[DatasetCard]:
    """`rows` are those of an evaluation; a mixture has a card for each part."""
    match task:
        case MixtureConfig():
            for place, part in enumerate(task.parts):
                own = f"{field}.parts.{place}.task"
                # How many of an evaluation's problems a part has, is told of the whole only.
                yield from _of_task(part.task, own, role, seed, None)
        case ReasoningGymConfig():
            yield _generator(task, field, role, seed, rows)
        case PythonTaskConfig():
            files = described([Path(task.path).expanduser()])
            yield _card(
                role=role, field=field, name=task_name(task), source="program", origin=task.path,
                options=task.options, seed=seed, rows=rows, **_summed(files),
            )  # fmt: skip
        case FromFilesConfig():
            yield _rows_of_files(task, field, role, rows)


def _generator(
    task: ReasoningGymConfig, field: str, role: Role, seed: int | None, rows: int | None
) -> DatasetCard:
    options: dict[str, Any] = dict(task.options)
    if task.level is not None:
        options["level"] = task.level
    if task.curriculum is not None:
        options["curriculum"] = task.curriculum.model_dump(mode="json")
    told = metadata("reasoning-gym")
    licence = told.get("License-Expression") or told.get("License")
    if licence is not None and len(licence) > 200:
        licence = licence.strip().splitlines()[
            0
        ]  # the whole text of it, which begins with its name
    return _card(
        role=role, field=field, name=task.name, source="generator",
        origin=f"reasoning-gym {task.name}", version=version("reasoning-gym"), options=options,
        seed=seed, rows=rows, licence=licence, licence_from="package" if licence else None,
    )  # fmt: skip


def _rows_of_files(task: FromFilesConfig, field: str, role: Role, rows: int | None) -> DatasetCard:
    apart = role == "evaluation" and task.held_out_path is not None
    setting = "held_out_path" if apart else "path"
    pattern = str(task.held_out_path if apart else task.path)
    paths = find_files(task, pattern, f"{field}.{setting}")
    opened = JoinedRows([open_rows(path) for path in paths])
    licence, licence_from = _licence(task, paths[0])
    revision = _SNAPSHOT.search(str(paths[0]))
    return _card(
        role=role, field=f"{field}.{setting}", name=task_name(task),
        source="files" if task.dataset is None else "hub", origin=task.dataset or pattern,
        version=revision[1] if revision else None, rows=len(opened) if rows is None else rows,
        options=_fields(task), licence=licence, licence_from=licence_from,
        scan=scan_rows(opened, _text_field(task)) if task.scan else None,
        **_summed(described(paths)),
    )  # fmt: skip


def _of_file(field: str, path: Path) -> DatasetCard:
    """Of a file that a stage learns from: the card that lies beside it, or one of its own."""
    made = card_beside(path)
    if made is not None:
        return made.model_copy(update={"role": "training", "field": field})
    return _card(
        role="training", field=field, name=path.name, source="files", origin=str(path),
        rows=len(open_rows(path)), **_readme(path), **_summed(described([path])),
    )  # fmt: skip


def _fields(task: FromFilesConfig) -> dict[str, Any]:
    """What is read of the files: part of which dataset it is."""
    names = ("dataset", "question_field", "answer_field", "verifier")
    told = {"path": task.path if task.dataset else None}
    told |= {name: getattr(task, name, None) for name in names}
    return {name: value for name, value in told.items() if value is not None}


def _text_field(task: FromFilesConfig) -> str:
    return str(getattr(task, "question_field", "prompt"))


def _licence(
    task: FromFilesConfig, path: Path
) -> tuple[str | None, Literal["config", "README"] | None]:
    if task.licence is not None:
        return task.licence, "config"
    told = _readme(path)
    return told["licence"], told["licence_from"]


def _readme(path: Path) -> dict[str, Any]:
    """What the README beside a file says, or one in the snapshot of the hub that it is of."""
    folders = [path.parent]
    snapshot = _SNAPSHOT.search(str(path))
    if snapshot:
        folders.append(Path(str(path)[: snapshot.end()]))
    for folder in folders:
        readme = folder / "README.md"
        found = _LICENCE.search(_front(readme)) if readme.is_file() else None
        if found:
            return {"licence": found[1], "licence_from": "README"}
    return {"licence": None, "licence_from": None}


def _front(readme: Path) -> str:
    """The metadata before the text, between lines of three dashes."""
    text = readme.read_text(encoding="utf-8", errors="replace")
    return text.split("\n---", 1)[0] if text.startswith("---") else ""


def _summed(files: Sequence[SourceFile]) -> dict[str, Any]:
    return {"files": list(files[:FILES_TOLD]), "file_count": len(files), "sha256": sum_of(files)}


def _card(scan: ScanRecord | None = None, **fields: Any) -> DatasetCard:
    return identified(DatasetCard(id="", scan=scan, **fields))

"""Datasets of the Hugging Face hub, without a network: from the cache, or told in a sentence."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.tasks.test_file import jsonl, sums
from training.config import FileTaskConfig
from training.tasks import TaskError, build_task


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache with one dataset of one file, and no network."""
    repository = tmp_path / "datasets--somebody--sums"
    snapshot = repository / "snapshots" / ("a" * 40) / "main"
    snapshot.mkdir(parents=True)
    jsonl(snapshot / "train-0.jsonl", sums(60))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def hub_config(dataset: str, **settings: Any) -> FileTaskConfig:
    settings = {"path": "main/train-*.jsonl", "verifier": "gsm8k", **settings}
    return FileTaskConfig(dataset=dataset, **settings)


def test_a_dataset_in_the_cache_is_asked(cache: Path) -> None:
    task = build_task(hub_config("somebody/sums"))
    problem = task.training_problem(0, 0)
    assert problem.question in {row["question"] for row in sums(60)}
    assert task.is_right(problem.answer, problem)


def test_a_dataset_that_is_nowhere_is_told_in_one_sentence(cache: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.dataset: .* of “nobody/none” is not in") as error:
        build_task(hub_config("nobody/none")).training_problem(0, 0)
    assert "\n" not in str(error.value)


def test_a_file_that_the_cached_dataset_has_not_is_told(cache: Path) -> None:
    with pytest.raises(TaskError, match=r"task\.path: the dataset .* has no file other\.jsonl"):
        build_task(hub_config("somebody/sums", path="other.jsonl")).training_problem(0, 0)

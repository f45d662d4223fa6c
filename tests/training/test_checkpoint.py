import hashlib
from pathlib import Path

import pytest

from training import checkpoint
from training.checkpoint import CheckpointError, File, Manifest
from training.config import CheckpointConfig


def write(run_dir: Path, step: int, score: float | None = None, **keep: int) -> checkpoint.Written:
    partial = checkpoint.partial_path(run_dir, step)
    checkpoint.begin(partial)
    (partial / "weights").mkdir()
    (partial / "weights" / "config.json").write_text("{}" * step)
    manifest = Manifest(
        step=step, tokens_total=10 * step, processes=1, zero_stage=1, dtype="float32", score=score
    )
    return checkpoint.commit(partial, manifest, CheckpointConfig(**keep))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = write(tmp_path, 5)
    found = checkpoint.read(tmp_path, 5)
    assert found.path == written.path == tmp_path / "checkpoints" / "step-000005"
    assert found.manifest.tokens_total == 50
    digest = hashlib.sha256(b"{}" * 5).hexdigest()
    assert found.manifest.files == {"weights/config.json": File(bytes=10, sha256=digest)}
    assert written.bytes == 10


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    written = [write(tmp_path, step, keep_last=2) for step in (1, 2, 3, 4)]
    removed = [path.name for each in written for path in each.removed]
    assert removed == ["step-000001", "step-000002"]
    assert checkpoint.steps(tmp_path) == [3, 4]


def test_the_best_are_kept_besides(tmp_path: Path) -> None:
    scores = {1: 0.5, 2: 0.9, 3: None, 4: 0.9, 5: 0.1, 6: None}
    for step, score in scores.items():
        write(tmp_path, step, score, keep_last=1, keep_best=2)
    assert checkpoint.steps(tmp_path) == [2, 4, 6]


def test_those_of_every_so_many_steps_are_kept_besides(tmp_path: Path) -> None:
    for step in range(1, 9):
        write(tmp_path, step, keep_last=1, keep_best=0, keep_every_steps=3)
    assert checkpoint.steps(tmp_path) == [3, 6, 8]


def test_an_unfinished_checkpoint_is_never_taken(tmp_path: Path) -> None:
    write(tmp_path, 1)
    checkpoint.begin(checkpoint.partial_path(tmp_path, 2))
    assert checkpoint.steps(tmp_path) == [1]


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (write(tmp_path, 2).path / "weights" / "config.json").write_text("{")
    warnings: list[str] = []
    found = checkpoint.latest(tmp_path, warnings.append)
    assert found is not None
    assert found.manifest.step == 1
    assert "is missing or not 4 bytes long" in warnings[0]


def test_a_changed_bit_is_found(tmp_path: Path) -> None:
    file = write(tmp_path, 3).path / "weights" / "config.json"
    file.write_text("{}{}{)")
    with pytest.raises(CheckpointError, match=r"config\.json is damaged: its SHA-256 has changed"):
        checkpoint.read(tmp_path, 3)


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path, pytest.fail) is None


def test_a_step_without_a_checkpoint_is_named_with_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"no checkpoint of step 7; there are: 1\."):
        checkpoint.read(tmp_path, 7)


def test_the_same_step_can_be_written_again(tmp_path: Path) -> None:
    write(tmp_path, 3)
    write(tmp_path, 3)
    assert checkpoint.read(tmp_path, 3).manifest.step == 3

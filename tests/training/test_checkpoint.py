from pathlib import Path

import pytest

from training import checkpoint
from training.checkpoint import CheckpointError


def write(run_dir: Path, step: int, keep_last: int = 3) -> checkpoint.Written:
    partial = checkpoint.partial_path(run_dir, step)
    checkpoint.begin(partial)
    (partial / "weights").mkdir()
    (partial / "weights" / "config.json").write_text("{}" * step)
    return checkpoint.commit(
        partial, step=step, tokens_total=10 * step, processes=1, zero_stage=1, dtype="float32",
        keep_last=keep_last,
    )  # fmt: skip


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = write(tmp_path, 5)
    found = checkpoint.read(tmp_path, 5)
    assert found.path == written.path == tmp_path / "checkpoints" / "step-000005"
    assert found.manifest.tokens_total == 50
    assert found.manifest.files == {"weights/config.json": 10}
    assert written.bytes == 10


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    removed = [path.name for step in (1, 2, 3, 4) for path in write(tmp_path, step, 2).removed]
    assert removed == ["step-000001", "step-000002"]
    assert checkpoint.steps(tmp_path) == [3, 4]


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

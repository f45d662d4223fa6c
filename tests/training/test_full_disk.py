"""The disk of the run directory is really full: a file system that is as small as that."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recorded import RECORDED, begun_by
from tests.training.jobs import environment, events, train
from training.checkpoint import latest
from training.events import CheckpointEvent, FinishedEvent, MetricsEvent

ROOM = "400k"
"""For the run with its first checkpoint, not for a second."""
NAMESPACES = ["unshare", "--map-root-user", "--mount"]
"""In which anybody may mount, unseen by others."""


def why_no_mount() -> str:
    """Why this machine lets nobody mount; empty when it does."""
    if shutil.which("unshare") is None:
        return "needs unshare"
    tried = subprocess.run(
        [*NAMESPACES, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return tried.stderr.decode().strip()


def train_on_a_small_disk(run_dir: Path, then: Path) -> subprocess.CompletedProcess[str]:
    """Resume the run from step 2 where there is little room; `then` is its directory afterwards."""
    disk = run_dir.with_name("disk")
    disk.mkdir()
    story = (
        f'mount -t tmpfs -o size={ROOM} tmpfs "$1" && cp -r "$0"/. "$1" || exit 99; '
        '"$2" -m training train --run-dir "$1" --resume 2; code=$?; cp -r "$1" "$3"; exit $code'
    )
    words = [str(run_dir), str(disk), sys.executable, str(then)]
    return subprocess.run(
        [*NAMESPACES, "sh", "-c", story, *words],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(bool(why_no_mount()), reason=f"may not mount: {why_no_mount()}")
def test_a_checkpoint_that_finds_no_room_costs_no_more_than_itself(tmp_path: Path) -> None:
    run_dir = begun_by(RECORDED[-1], tmp_path)
    before = len(events(run_dir))
    then = tmp_path / "then"
    done = train_on_a_small_disk(run_dir, then)
    assert done.returncode == 1, done.stderr
    after = events(then)[before:]
    assert [event.step for event in after if isinstance(event, MetricsEvent)] == [3, 4]
    assert not [event for event in after if isinstance(event, CheckpointEvent)]
    last = after[-1]
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "failed"
    assert "No space left" in last.reason
    found = latest(then, pytest.fail)
    assert found is not None
    assert not list(then.glob("checkpoints/.*"))
    assert found.manifest.step == 2
    (then / "config.json").write_text((run_dir / "config.json").read_text())
    assert train(then, "--resume", "2").returncode == 0
    assert events(then)[-1].step == 4

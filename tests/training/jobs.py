"""Real training processes for the tests."""

import os
import subprocess
import sys
from pathlib import Path

from training.config import RunConfig
from training.distributed.launch import free_port
from training.events import Event, parse_line

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """One thread a process: the sums of two threads may be rounded in another order."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def write_config(run_dir: Path, config: RunConfig) -> None:
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "config.json").write_text(config.model_dump_json())


def train(run_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m training train` on the directory to its end."""
    return subprocess.run(
        [sys.executable, "-m", "training", "train", "--run-dir", str(run_dir), *arguments],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def run_ranks(command: list[str], processes: int) -> None:
    """Run a Python file with its arguments as so many ranks of one job, to their end."""
    port = str(free_port())
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.rank", *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(
                RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
                MASTER_ADDR="127.0.0.1", MASTER_PORT=port, DS_ACCELERATOR="cpu",
            ),
        )
        for rank in range(processes)
    ]  # fmt: skip
    for rank in ranks:
        output, _ = rank.communicate()
        assert rank.returncode == 0, output


def events(run_dir: Path) -> list[Event]:
    return [parse_line(line) for line in (run_dir / "events.jsonl").read_bytes().splitlines()]

"""The launcher's command, and a real job that is told to stop."""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.grpo.test_run import run_config
from tests.training.jobs import environment, events, write_config
from training import checkpoint
from training.distributed.launch import Nodes, launch
from training.events import CheckpointEvent, FinishedEvent


def world_of(argv: list[str]) -> dict[str, list[int]]:
    world: dict[str, list[int]] = json.loads(
        base64.urlsafe_b64decode(argv[argv.index("--world_info") + 1])
    )
    return world


def test_leased_gpus_are_kept() -> None:
    command = launch(Path("run"), 2, Nodes(), {"CUDA_VISIBLE_DEVICES": "3,5"}, "latest")
    assert world_of(command.argv) == {"node0": [3, 5]}


def test_processes_are_shared_out_over_nodes() -> None:
    nodes = Nodes(count=2, rank=1, master_address="10.0.0.7", master_port=29500)
    command = launch(Path("run"), 8, nodes, {}, "none")
    assert world_of(command.argv) == {"node0": [0, 1, 2, 3], "node1": [0, 1, 2, 3]}
    for flag, value in (("--node_rank", "1"), ("--master_addr", "10.0.0.7"),
                        ("--master_port", "29500"), ("--resume", "none")):  # fmt: skip
        assert command.argv[command.argv.index(flag) + 1] == value


def test_threads_are_shared_out_unless_somebody_chose() -> None:
    cores = os.cpu_count() or 1
    assert launch(Path("run"), cores, Nodes(), {}, "latest").env["OMP_NUM_THREADS"] == "1"
    chosen = launch(Path("run"), 1, Nodes(), {"OMP_NUM_THREADS": "7"}, "latest")
    assert chosen.env["OMP_NUM_THREADS"] == "7"


@pytest.mark.timeout(600)  # each process loads torch and DeepSpeed: long on a busy machine
@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_told_to_stop_writes_a_checkpoint_and_ends(
    processes: int, tiny_model: Path, tmp_path: Path
) -> None:
    config = run_config(tiny_model, processes=processes)
    endless = config.grpo.model_copy(update={"steps": 1_000_000})
    rarely = config.checkpoint.model_copy(update={"every_steps": 1_000_000})
    write_config(tmp_path, config.model_copy(update={"grpo": endless, "checkpoint": rarely}))
    with subprocess.Popen(
        [sys.executable, "-m", "training", "launch", "--run-dir", str(tmp_path)],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as job:  # fmt: skip
        assert job.stdout is not None
        output = []
        for line in job.stdout:
            output.append(line)
            if line.startswith("step 2/"):
                break
        else:
            pytest.fail("".join(output))
        os.killpg(job.pid, signal.SIGTERM)
        job.communicate()
    *_, saved, last = events(tmp_path)
    assert isinstance(saved, CheckpointEvent)
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "stopped"
    assert saved.reason == "stop"
    assert saved.step == last.step >= 2
    assert checkpoint.read(tmp_path, last.step).manifest.processes == processes

"""Runs a job without a break, then again and again with one stop each time and a resume.

Called as: resume_worker.py CONFIG OUT STOP [STOP …]. Each STOP counts how often the loop looks
whether it is to stop before it is told so: before a step and after sampling.
"""

import sys
from pathlib import Path

from tests.training.jobs import write_config
from training.cli import job
from training.cli.display import Display
from training.config import RunConfig
from training.distributed.process import Process
from training.journal import Journal
from training.stopping import StopRequest


class StopAt(StopRequest):
    """Asks for a stop from the n-th look on; 0: never."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    @property
    def requested(self) -> bool:
        self.left -= 1
        return self.left == 0


def run(config: RunConfig, run_dir: Path, looks: int = 0) -> str:
    write_config(run_dir, config)
    return job.run(
        config=config, run_dir=run_dir, resume="latest", journal=Journal(run_dir, stage="grpo"),
        stop=StopAt(looks), display=Display(), enter=lambda _: None,
    )  # fmt: skip


def main() -> None:
    config, out = RunConfig.model_validate_json(sys.argv[1]), Path(sys.argv[2])
    process = Process("cpu")
    job.Process = lambda *_: process  # DeepSpeed's groups live as long as the interpreter
    process.close = lambda: None
    assert run(config, out / "straight") == "finished"
    for looks in map(int, sys.argv[3:]):
        assert run(config, out / f"stop-{looks}", looks) == "stopped"
        assert run(config, out / f"stop-{looks}") == "finished"


if __name__ == "__main__":
    main()

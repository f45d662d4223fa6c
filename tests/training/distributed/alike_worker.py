"""One rank of a job that makes whole GRPO runs, one after the other.

Called as: alike_worker.py MODEL OUT ZERO_STAGE:EXPERT_RANKS…
A run that shares out its experts is made once more from its first checkpoint, in OUT/…-resumed.
"""

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from tests.training.grpo.test_run import run_config
from tests.training.jobs import write_config
from training import checkpoint
from training.cli import job
from training.cli.display import Display
from training.config import RewardConfig, RunConfig
from training.distributed.process import Process
from training.journal import Journal

STEPS = 3
REWARD = Path(__file__).with_name("evenness.py")


def run(config: RunConfig, run_dir: Path, process: Process) -> None:
    if process.is_main:
        write_config(run_dir, config)
    process.barrier()
    journal = Journal(run_dir, stage="grpo") if process.is_main else None
    outcome = job.run(
        config=config, run_dir=run_dir, resume="latest", journal=journal,
        stop=SimpleNamespace(requested=False), display=Display(), enter=lambda _phase, _step: None,
    )  # fmt: skip
    assert outcome == "finished"


def main() -> None:
    model, out, *cases = sys.argv[1:]
    process = Process("cpu")
    close, process.close = process.close, lambda: None
    job.Process = lambda *_: process
    for case in cases:
        stage, ranks = map(int, case.split(":"))
        config = run_config(
            Path(model), processes=int(os.environ["WORLD_SIZE"]), zero_stage=stage,
            expert_parallel=ranks,
        )  # fmt: skip
        grpo = config.grpo.model_copy(update={"steps": STEPS})
        often = config.checkpoint.model_copy(update={"every_steps": 1, "keep_last": STEPS})
        reward = RewardConfig(custom={"path": str(REWARD), "weights": {"evenness": 1.0}})
        config = config.model_copy(update={"grpo": grpo, "checkpoint": often, "reward": reward})
        run_dir = Path(out) / f"{stage}-{ranks}"
        run(config, run_dir, process)
        if ranks > 1:
            resumed = run_dir.with_name(f"{run_dir.name}-resumed")
            if process.is_main:
                first = checkpoint.path_of(resumed, 1)
                shutil.copytree(checkpoint.path_of(run_dir, 1), first)
            process.barrier()
            run(config, resumed, process)
    close()


if __name__ == "__main__":
    main()

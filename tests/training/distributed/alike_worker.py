"""One rank of a job that makes whole GRPO runs, one after the other.

Called as: alike_worker.py MODEL OUT CASES, these as JSON: settings by the name of the run, which
goes into OUT/NAME. One of several processes whose settings have "resume" is made once more from its
first checkpoint, in OUT/NAME-resumed.
"""

import json
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
from training.config import RunConfig
from training.config.presets import merge
from training.distributed.process import Process
from training.journal import Journal

STEPS = 3
REWARD = Path(__file__).with_name("evenness.py")
COMMON = {
    "grpo": {"steps": STEPS},
    "checkpoint": {"every_steps": 1, "keep_last": STEPS},
    "reward": {"custom": {"path": str(REWARD), "weights": {"evenness": 1.0}}},
}


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
    model, out, cases = sys.argv[1:]
    process = Process("cpu")
    close, process.close = process.close, lambda: None
    job.Process = lambda *_: process
    common = run_config(Path(model), processes=int(os.environ["WORLD_SIZE"])).model_dump()
    for name, case in json.loads(cases).items():
        resumes = case.pop("resume", False)
        config = RunConfig.model_validate(merge(merge(common, COMMON), case))
        run_dir = Path(out) / name
        run(config, run_dir, process)
        if resumes and process.world_size > 1:
            resumed = run_dir.with_name(f"{run_dir.name}-resumed")
            if process.is_main:
                first = checkpoint.path_of(resumed, 1)
                shutil.copytree(checkpoint.path_of(run_dir, 1), first)
            process.barrier()
            run(config, resumed, process)
    close()


if __name__ == "__main__":
    main()

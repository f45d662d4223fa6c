"""One rank of a real run under the meter; rank 0 prints the peak of each phase as JSON.

memory_worker.py CONFIG_JSON RUN_DIR [endless]: all ranks name the same directory; with `endless` no
token ends a completion.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from tests.training.memory_meter import MemoryMeter
from training.base_models import find_model
from training.config import RunConfig
from training.distributed.process import Process
from training.grpo.work import GrpoWork
from training.loop import run_stage
from training.rewards import RewardPool
from training.setup import set_up


class Phases:
    """Stands where the journal does, to hear of each phase."""

    def __init__(self, meter: MemoryMeter) -> None:
        self._meter = meter

    def tell(self, type_: str, _step: int, **fields: object) -> None:
        if type_ == "phase":
            self._meter.phase = str(fields["phase"])


def main() -> None:
    config = RunConfig.model_validate_json(sys.argv[1])
    process, meter = Process("cpu"), MemoryMeter()
    before = _resident()
    rewards = RewardPool(config.task, config.reward)
    with rewards, meter:
        source, (planned,) = find_model(config.model.path), config.plan
        setup = set_up(config, planned, Path(sys.argv[2]), process, rewards, None, source, None)
        if "endless" in sys.argv:
            setup.tokenizer.eos_id = None
        tell = Phases(meter).tell
        work = GrpoWork(setup, tell, lambda: False)
        run_stage(setup, work, tell, lambda: False, lambda *_: None, last=True)
    if process.is_main:
        report = {"peaks": meter.peaks, "resident": _resident() - before}
        sys.stdout.write(json.dumps(report) + "\n")
    process.close()


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()

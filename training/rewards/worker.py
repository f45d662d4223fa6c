"""A process that scores completions: `python -m training.rewards.worker FD`.

Started by the pool, which may kill it at any moment. Frames come by its input: first the configs,
then jobs. Frames go by its output: an empty one when it is ready, or a sentence when it cannot be;
then the scores of one completion or more in each. Requests are pickles, since they come from the
pool; answers are JSON, since rewards may be anybody's code. `FD` is the page of
`training.rewards.progress`.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import sys
import time
from dataclasses import asdict
from functools import partial

from training.rewards.frames import FrameReader, write_frame
from training.rewards.progress import Progress
from training.rewards.reward import RewardError
from training.rewards.scorer import Scorer
from training.tasks import TaskError, build_task

MEMORY_BYTES = 4 << 30
"""What a worker and each of its children may take, so that an answer such as 9^9^9^9 ends a worker
and not the machine."""
_PR_SET_PDEATHSIG = 1
_TELL_S = 0.01
"""How long scores may be held back, to be told together. They are computed again when the worker
is lost meanwhile."""


def main() -> None:
    orders, answers = _own_pipes()
    _bind_to_parent()
    _limit_memory()
    progress = Progress(int(sys.argv[1]))
    configs = orders.read()
    if configs is None:
        return
    task_config, reward_config = pickle.loads(configs)  # noqa: S301 - from the pool that started us
    try:
        scorer = Scorer(reward_config, build_task(task_config))
    except (TaskError, RewardError) as error:
        write_frame(answers, str(error).encode())
        return
    write_frame(answers, b"")
    while (job := orders.read()) is not None:
        _do(job, scorer, progress, answers)


def _do(job: bytes, scorer: Scorer, progress: Progress, answers: int) -> None:
    problem, items, only = pickle.loads(job)  # noqa: S301 - from the pool that started us
    told, scored = time.monotonic(), []
    for place, (candidate, failed) in enumerate(items):
        scores = scorer.score(
            candidate,
            problem,
            only=only,
            failed=failed,
            begin=partial(progress.begin, place),
        )
        progress.rest()
        scored.append([place, asdict(scores)])
        if place == len(items) - 1 or time.monotonic() - told > _TELL_S:
            write_frame(answers, json.dumps(scored).encode())
            told, scored = time.monotonic(), []


def _own_pipes() -> tuple[FrameReader, int]:
    """The pool's pipes, out of reach of rewards that print or read."""
    orders, answers = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return FrameReader(orders), answers


def _bind_to_parent() -> None:
    """Die when the pool's process does, even amid a rule that never ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


if __name__ == "__main__":
    main()

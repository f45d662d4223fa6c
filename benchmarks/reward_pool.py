"""What the pool of reward processes costs beyond the scoring itself.

The completions of one step of the preset r1-zero-nano, scored within this process, and by the pool
with one worker and with two; in turn, round by round. The trainer's own part, which is all that
could delay sampling, is the time that `submit` takes.

    .venv/bin/python -m benchmarks.reward_pool
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.report import compare, take_turns, timed
from benchmarks.workload import problems, run_config
from training.rewards import Candidate, RewardPool
from training.rewards.scorer import Scorer
from training.tasks import build_task


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    config = run_config()
    work = [
        (problem, [written(problem.answer)] * config.grpo.group_size)
        for problem in problems(config)
    ]
    scorer = Scorer(config.reward, build_task(config.task))
    submitting: list[float] = []

    def alone() -> None:
        for problem, candidates in work:
            for candidate in candidates:
                scorer.score(candidate, problem)

    def pooled(pool: RewardPool) -> None:
        def submit() -> None:
            for key, (problem, candidates) in enumerate(work):
                pool.submit(key, problem, candidates)

        submitting.append(timed(submit)())
        pool.collect()

    with ExitStack() as stack:
        turns = {"scored within the process": timed(alone)}
        for workers in (1, 2):
            reward = config.reward.model_copy(update={"workers": workers})
            pool = stack.enter_context(RewardPool(config.task, reward))
            turns[f"r1web's pool, workers: {workers}"] = timed(lambda pool=pool: pooled(pool))
        seconds = take_turns(turns, arguments.rounds)
    compare(seconds, "r1web's pool, workers: 2", "groups", len(work), arguments.json)
    print(f"of it submit: {median(submitting) / len(work) * 1e6:.0f} µs a group")


def written(answer: str) -> Candidate:
    text = f"<think>4 + 9 = 13, write 3 carry 1. 3 + 4 + 1 = 8.</think><answer>{answer}</answer>"
    return Candidate(text, tokens=26, max_tokens=64, ended=True)


if __name__ == "__main__":
    main()

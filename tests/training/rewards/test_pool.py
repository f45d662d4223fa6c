"""The pool with real worker processes."""

import math
import os
import signal

import pytest

from training.config import ReasoningGymConfig, RewardConfig
from training.rewards import Candidate, RewardError, RewardPool
from training.tasks import Problem, build_task

TASK = ReasoningGymConfig()


def written(text: str) -> Candidate:
    return Candidate(text, tokens=len(text), max_tokens=100, ended=True)


def problems(count: int) -> list[Problem]:
    task = build_task(TASK)
    return [task.training_problem(0, number) for number in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_rewards_come_back_in_the_order_of_the_completions(workers: int) -> None:
    asked = problems(7)
    with RewardPool(TASK, RewardConfig(accuracy=2, format=0.5, workers=workers)) as pool:
        for key, problem in enumerate(asked):
            answers = [problem.answer, "no", problem.answer]
            pool.submit(key, problem, [written(f"<answer>{answer}</answer>") for answer in answers])
        rewards = pool.collect()
    assert list(rewards) == list(range(7))
    for group in rewards.values():
        assert [reward.parts["accuracy"] for reward in group] == [1, 0, 1]
        assert [reward.total for reward in group] == [2, 0, 2]
        assert all(not reward.errors for reward in group)


def test_every_rule_is_told_beside_the_weighted_sum() -> None:
    (problem,) = problems(1)
    config = RewardConfig(
        accuracy=0,
        format=0,
        tag_count=1,
        language={"weight": 0.5, "target": "en"},
        length={"weight": 0.25},
        repetition={"weight": 2, "ngram": 1},
        overlong={"weight": 4, "buffer_tokens": 50},
        workers=1,
    )
    text = f"<think>so so</think><answer>{problem.answer}</answer>"
    with RewardPool(TASK, config) as pool:
        pool.submit(0, problem, [Candidate(text, tokens=75, max_tokens=100, ended=True)])
        (reward,) = pool.collect()[0]
    cosine = 0.5 + 0.25 * (1 + math.cos(0.75 * math.pi))
    assert reward.parts == {
        "accuracy": 1, "format": 1, "tag_count": 1, "language": 1, "length": cosine,
        "repetition": 0, "overlong": -0.5,
    }  # fmt: skip
    assert reward.total == pytest.approx(1 + 0.5 + 0.25 * cosine - 2)


def test_keys_are_collected_apart_and_may_be_used_again() -> None:
    (problem,) = problems(1)
    right, wrong = written(f"<answer>{problem.answer}</answer>"), written("no")
    with RewardPool(TASK, RewardConfig(workers=1)) as pool:
        pool.submit("first", problem, [right])
        pool.submit(("second", 2), problem, [wrong], only=("accuracy",))
        with pytest.raises(ValueError, match="already submitted under 'first'"):
            pool.submit("first", problem, [wrong])
        assert pool.collect([("second", 2)])["second", 2][0].parts == {"accuracy": 0}
        assert pool.collect()["first"][0].parts == {"accuracy": 1, "format": 0}
        pool.submit("first", problem, [])
        assert pool.collect() == {"first": []}


def test_a_worker_killed_from_outside_is_replaced() -> None:
    (problem,) = problems(1)
    with RewardPool(TASK, RewardConfig(workers=1)) as pool:
        for key in range(2):
            os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
            pool.submit(key, problem, [written(f"<answer>{problem.answer}</answer>")] * 3)
            assert [reward.total for reward in pool.collect()[key]] == [1, 1, 1]


def test_a_pool_that_cannot_work_says_so_at_its_start() -> None:
    with pytest.raises(RewardError, match=r"^task\.options: .*min_leaps"):
        RewardPool(ReasoningGymConfig(options={"min_leaps": 3}), RewardConfig())

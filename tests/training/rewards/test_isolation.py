"""Rewards that hang, crash, fork or lie cost one part of one completion, and nothing else."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from training.config import CustomRewardConfig, ReasoningGymConfig, RewardConfig
from training.rewards import Candidate, Reward, RewardError, RewardPool
from training.tasks import Problem

TASK = ReasoningGymConfig()
MISBEHAVING = Path(__file__).with_name("misbehaving.py")
TIMEOUT_S = 2.0


def config(path: Path = MISBEHAVING, *, workers: int = 1, **options: str) -> RewardConfig:
    custom = CustomRewardConfig(path=str(path), weights={"own": 1.0}, options=options)
    return RewardConfig(accuracy=0, format=0, custom=custom, workers=workers, timeout_s=TIMEOUT_S)


def scored(texts: list[str], rewards: RewardConfig) -> list[Reward]:
    problem = Problem("1 + 1", "2", {"answer": "2"})
    with RewardPool(TASK, rewards) as pool:
        pool.submit(0, problem, [Candidate(text, 1, 2, ended=True) for text in texts])
        return pool.collect()[0]


@pytest.mark.parametrize("workers", [1, 3])
def test_what_one_completion_does_to_its_reward_does_not_touch_the_others(workers: int) -> None:
    errors = {
        "hang": "timed out after 2 s",
        "exit": "its process ended with exit code 3",
        "leave": "SystemExit: no more",
        "crash": "its process was ended by SIGSEGV",
        "memory": r".+misbehaving.py, line \d+: MemoryError: .",
        "raise": r".+misbehaving.py, line \d+: ZeroDivisionError: division by zero.",
        "nan": "gave nan",
        "misname": r".+misbehaving.py gave other, and reward.custom.weights names own",
    }
    texts = [text for bad in errors for text in ("well", bad)] + ["chatter", "fine"]
    rewards = scored(texts, config(workers=workers))
    for text, reward in zip(texts, rewards, strict=True):
        assert reward.parts["format"] == 0
        if text in errors:
            assert (reward.parts["own"], reward.total) == (None, None)
            assert re.fullmatch(errors[text], reward.errors["own"])
        else:
            assert (reward.errors, reward.total) == ({}, len(text))


def test_a_weightless_part_that_is_missing_leaves_the_total_alone() -> None:
    rewards = config().model_copy(update={"format": 2.0})
    own = rewards.custom.model_copy(update={"weights": {"own": 0.0}})
    text = "<think>so</think><answer>2</answer>"
    (reward, _) = scored([text, "raise"], rewards.model_copy(update={"custom": own}))
    assert reward.total == 2
    assert scored(["raise"], rewards.model_copy(update={"custom": own}))[0].total == 0


def test_who_still_waits_when_the_pool_is_closed_is_told() -> None:
    pool = RewardPool(TASK, config().model_copy(update={"timeout_s": 3600.0}))
    pool.submit(0, Problem("1 + 1", "2"), [Candidate("hang", 1, 2, ended=True)])
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(pool.collect)
        pool.close()
        with pytest.raises(RewardError, match="closed"):
            waiting.result()


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "held"
    os.mkfifo(path)
    return path


def read_to_the_end(end: int) -> bytes:
    """Returns when nobody holds the other end any more."""
    os.set_blocking(end, True)
    with os.fdopen(end, "rb") as file:
        return file.read()


def test_no_child_of_a_killed_worker_lives_on(fifo: Path) -> None:
    end = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    (reward,) = scored(["fork"], config(fifo=str(fifo)))
    assert reward.errors == {"own": "timed out after 2 s"}
    assert sorted(read_to_the_end(end).split()) == [b"child", b"worker"]


def test_workers_die_with_a_trainer_that_is_killed(tmp_path: Path, fifo: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "import re\n"
        "def rewards(completion, problem, options):\n"
        "    held = open(options['fifo'], 'wb', buffering=0)\n"
        "    held.write(b'worker')\n"
        "    re.match('(a|a)*$', 'a' * 60 + 'b')\n"
    )
    program = (
        "import sys, signal\n"
        "from pathlib import Path\n"
        "from tests.training.rewards.test_isolation import *\n"
        "rewards = config(Path(sys.argv[1]), fifo=sys.argv[2])\n"
        "pool = RewardPool(TASK, rewards.model_copy(update={'timeout_s': 3600.0}))\n"
        "pool.submit(0, Problem('', '', {'answer': ''}), [Candidate('', 1, 2, ended=True)])\n"
        "signal.pause()\n"
    )
    trainer = subprocess.Popen([sys.executable, "-c", program, str(own), str(fifo)])
    with fifo.open("rb", buffering=0) as end:  # opens when the worker has opened its end
        assert end.read(6) == b"worker"
        trainer.kill()
        trainer.wait()
        assert end.read() == b""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "is not there."),
        ("import nothing_of_the_kind", "line 1: ModuleNotFoundError"),
        ("x = 1", "has to define a function rewards(completion, problem, options)."),
        ("import os; os._exit(7)", "its process ended with exit code 7"),
    ],
)
def test_a_file_that_cannot_be_used_fails_the_run_at_its_start(
    tmp_path: Path, source: str | None, message: str
) -> None:
    path = tmp_path / "own.py"
    if source is not None:
        path.write_text(source)
    with pytest.raises(RewardError) as error:
        RewardPool(TASK, config(path))
    assert message in str(error.value)
    assert str(error.value).startswith("reward")

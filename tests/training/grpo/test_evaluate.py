"""Evaluation from prompts to metrics, with completions that are written down here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from tests.tolerance import SHARE
from training.base_models import find_model
from training.config import RunConfig, resolve
from training.distributed.process import Process
from training.grpo.estimates import wilson_interval
from training.grpo.evaluate import evaluate
from training.grpo.held_out import build_held_out, set_pool
from training.rewards import RewardPool
from training.rollout import Completion, Sampling
from training.rollout.engine import Done, Guesses
from training.tasks import build_task
from training.tokenizer import TextTokenizer

TASK = """
QUESTIONS = {"one": "1", "two": "2", "three": "3", "four": "4"}

def problem(rng, options):
    question = f"{rng.choice(list(QUESTIONS))} {rng.random()}"
    return {"question": question, "answer": QUESTIONS[question.split()[0]]}

def is_right(answer, problem):
    if answer == "crash":
        raise RuntimeError("this cannot be scored")
    return answer == problem["answer"]
"""


@dataclass
class Scripted:
    """An engine that gives each problem the same answers, in a form the rewards read."""

    answers: list[str | None]
    tokenizer: TextTokenizer
    guesses = Guesses(0, 0)
    calls: list[int] = field(default_factory=list)
    sampled: list[Sampling] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)

    def generate(
        self,
        prompts: list[list[int]],
        *,
        group_size: int = 1,
        sampling: Sampling,
        seeds: list[int],
        eos_id: int | None,  # noqa: ARG002 - as every engine is called
        done: Done | None = None,  # noqa: ARG002 - likewise
    ) -> list[Completion]:
        assert group_size == len(self.answers)
        self.calls.append(len(prompts))
        self.sampled.append(sampling)
        self.seeds += seeds
        return [self._completion(answer) for _ in prompts for answer in self.answers]

    def _completion(self, answer: str | None) -> Completion:
        text = "hm" if answer is None else f"<think>hm</think><answer>{answer}</answer>"
        tokens = [*self.tokenizer.encode(text), self.tokenizer.eos_id]
        return Completion(tokens, [-1.0] * len(tokens), "stop")


@pytest.fixture
def process() -> Iterator[Process]:
    process = Process("cpu")
    yield process
    process.close()


def measure(
    config: RunConfig, answers: list[str | None], process: Process | Rank
) -> tuple[dict[str, float], Scripted]:
    source = find_model("nano-base")
    tokenizer = TextTokenizer.load(source)
    engine = Scripted(answers, tokenizer)
    with ExitStack() as stack:
        rewards = stack.enter_context(RewardPool(config.task, config.reward))
        sets = set_pool(config)
        set_rewards = None if sets is None else stack.enter_context(sets)
        task = build_task(config.task)
        held_out = build_held_out(config, task, tokenizer, source, rewards, set_rewards)
        return evaluate(engine, held_out, config, process), engine


def config_of(tmp_path: Path, **evaluation: object) -> RunConfig:
    file = tmp_path / "numbers.py"
    file.write_text(TASK, encoding="utf-8")
    return resolve("r1-zero-nano", {
        "task": {"type": "python", "path": str(file)},
        "reward": {"workers": 1},
        "grpo": {"prompts_per_step": 2, "group_size": 6},
        "evaluation": {"problems": 40, "temperature": 0.6, "top_p": 0.95, **evaluation},
    }).config  # fmt: skip


def shares(config: RunConfig) -> dict[str, float]:
    problems = build_task(config.task).held_out_problems(config.evaluation.problems)
    answers = [problem.answer for problem in problems]
    return {answer: answers.count(answer) / len(answers) for answer in "1234"}


def test_every_figure_follows_from_the_completions(tmp_path: Path, process: Process) -> None:
    config = config_of(tmp_path, completions_per_problem=6, k=3)
    values, engine = measure(config, ["1", "2", "2", "1", "1", None], process)
    share = shares(config)
    # Six completions: three say 1, two say 2, one says nothing. Blocks of three: 2 wins, then 1.
    assert values["eval/pass_at_1"] == pytest.approx(share["1"] / 2 + share["2"] / 3, abs=SHARE)
    chance_of_1, chance_of_2 = 1 - 1 / 20, 1 - 4 / 20
    expected = share["1"] * chance_of_1 + share["2"] * chance_of_2
    assert values["eval/pass_at_k"] == pytest.approx(expected, abs=SHARE)
    assert values["eval/cons_at_k"] == pytest.approx((share["1"] + share["2"]) / 2, abs=SHARE)
    assert values["eval/format"] == pytest.approx(5 / 6, abs=SHARE)
    assert values["eval/errors"] == 0
    for name in ("pass_at_1", "pass_at_k", "cons_at_k"):
        assert values[f"eval/{name}_low"] < values[f"eval/{name}"] < values[f"eval/{name}_high"]
    assert {(one.max_new_tokens, one.temperature, one.top_p) for one in engine.sampled} == {
        (64, 0.6, 0.95)
    }


def test_problems_are_sampled_in_batches_with_seeds_of_their_own(
    tmp_path: Path, process: Process
) -> None:
    config = config_of(tmp_path, completions_per_problem=3)
    _, engine = measure(config, ["1", "1", "1"], process)
    assert engine.calls == [4] * 10  # as many completions as a step of training samples
    assert len(set(engine.seeds)) == 40


@dataclass
class Rank:
    """One process among several, as far as evaluation sees it: what it adds up is kept."""

    rank: int
    world_size: int
    sums: list[torch.Tensor] = field(default_factory=list)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        self.sums.append(values)
        return values


def test_the_shares_of_the_ranks_are_the_whole(tmp_path: Path) -> None:
    config = config_of(tmp_path, completions_per_problem=3, problems=9)
    answers: list[str | None] = ["1", "2", "2"]
    whole, *ranks = Rank(0, 1), Rank(0, 2), Rank(1, 2)
    (_, alone), *shares = [measure(config, answers, rank) for rank in (whole, *ranks)]
    assert sorted(seed for _, engine in shares for seed in engine.seeds) == alone.seeds
    assert torch.allclose(ranks[0].sums[0] + ranks[1].sums[0], whole.sums[0], rtol=0, atol=SHARE)


def test_one_completion_a_problem_has_wilsons_interval_and_no_k(
    tmp_path: Path, process: Process
) -> None:
    config = config_of(tmp_path)
    values, _ = measure(config, ["1"], process)
    right = round(shares(config)["1"] * 40)
    low, high = wilson_interval(right, 40)
    assert values["eval/pass_at_1_low"] == pytest.approx(low, abs=SHARE)
    assert values["eval/pass_at_1_high"] == pytest.approx(high, abs=SHARE)
    assert not [name for name in values if "_at_k" in name]


def test_what_cannot_be_scored_is_counted_and_left_out(tmp_path: Path, process: Process) -> None:
    config = config_of(tmp_path, completions_per_problem=2)
    values, _ = measure(config, ["1", "crash"], process)
    share = shares(config)["1"]
    assert values["eval/errors"] == 40
    assert values["eval/pass_at_1"] == pytest.approx(share, abs=SHARE)
    assert math.isnan(values["eval/pass_at_k"])


def test_sets_have_metrics_of_their_own(tmp_path: Path, process: Process) -> None:
    rows = [{"question": f"Half of {2 * n}?", "answer": "1/2" if n == 7 else str(n)}
            for n in range(400)]  # fmt: skip
    file = tmp_path / "halves.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    task = {"type": "file", "path": str(file), "verifier": "math"}
    sets = [{"name": "halves", "task": task, "problems": 20}]
    config = config_of(tmp_path, completions_per_problem=5, problems=4, sets=sets)
    problems = build_task(config.evaluation.sets[0].task).held_out_problems(20)
    wanted = problems[0].answer
    # As text n/1 and \\frac{n}{1} are two answers; the verifier knows that they are one.
    spelled: list[str | None] = [
        f"{wanted}/1",
        f"{wanted}.0",
        f"\\frac{{{wanted}}}{{1}}",
        "-1",
        "-1",
    ]
    values, _ = measure(config, spelled, process)
    assert values["eval/halves/pass_at_1"] == pytest.approx(3 / 5 / 20, abs=SHARE)
    assert values["eval/halves/cons_at_k"] == pytest.approx(1 / 20, abs=SHARE)
    assert {name.removeprefix("eval/halves/") for name in values if "/halves/" in name} == {
        name.removeprefix("eval/") for name in values if "/halves/" not in name
    }

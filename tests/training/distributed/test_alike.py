"""Whole runs learn the same, whatever number of processes and whichever ZeRO stage they have."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerance import RELATIVE, relative_difference
from tests.training.grpo.test_run import told as said
from tests.training.jobs import run_ranks
from training import checkpoint
from training.events import TOKEN_STEPS, unpack_tokens
from training.model import hf

WORKER = Path(__file__).with_name("alike_worker.py")
STEPS = 3
PLAIN = "1-1"
CASES: dict[str, dict[str, Any]] = {
    f"{stage}-{ranks}": {
        "hardware": {"zero_stage": stage, "expert_parallel": ranks}, "resume": ranks > 1,
    }
    for stage, ranks in ((0, 1), (1, 1), (2, 1), (3, 1), (1, 2))
}  # fmt: skip
"""By ZeRO stage and processes that share out the experts."""

# A prompt that several completions share is computed, and counted in the experts' load, once in
# each chunk: with a chunk for each completion, as often however many processes share it.
_SHARED: dict[str, Any] = {"hardware": {"chunk_tokens": 1}}
SHARED: dict[str, dict[str, Any]] = {
    "on policy": _SHARED,
    "ahead": {
        **_SHARED,
        "grpo": {
            "loss": {"type": "dapo", "advantage_scale": "batch"}, "correction": {},
            "mask_truncated": True,
        },
        "sampling": {"staleness": 1, "routing_replay": True, "stop": ["e", "1"]},
        "rollouts": {"detailed_groups": 1},
        "task": {"type": "reasoning_gym", "name": "chain_sum", "curriculum": {"window": 2}},
    },
    "amid a collection": {
        "hardware": {"chunk_tokens": 1, "zero_stage": 3},
        "grpo": {"steps_per_collection": 3, "loss": {"advantage_scale": "none"}},
        "resume": True,
    },
}  # fmt: skip
"""Of two prompts with four completions each."""


def made(tiny_model: Path, out: Path, cases: dict[str, Any], processes: int) -> Path:
    run_ranks([str(WORKER), str(tiny_model), str(out), json.dumps(cases)], processes)
    return out


@pytest.fixture(scope="module")
def runs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Directories of runs by one and by two processes."""
    return {
        processes: made(tiny_model, tmp_path_factory.mktemp(f"of-{processes}"), cases, processes)
        for processes, cases in ((1, {PLAIN: CASES[PLAIN]}), (2, CASES))
    }


@pytest.fixture(scope="module")
def shared(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Likewise by one process, and by four and eight, of which two and four share a prompt."""
    few = {"on policy": SHARED["on policy"]}
    return {
        processes: made(
            tiny_model, tmp_path_factory.mktemp(f"shared-{processes}"), cases, processes
        )
        for processes, cases in ((1, SHARED), (4, SHARED), (8, few))
    }


def by_type(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    return [record for record in said(run_dir, after_step=0) if record["type"] == kind]


def learnt(run_dir: Path, step: int = STEPS) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = hf.load(
        checkpoint.path_of(run_dir, step) / "weights"
    ).state_dict()
    return weights


def check_alike(together: Path, alone: Path) -> None:
    """Metrics, evaluations and weights up to the order of sums."""
    for kind in ("metrics", "evaluation"):
        for record, expected in zip(by_type(together, kind), by_type(alone, kind), strict=True):
            values, wanted = record["values"], expected["values"]
            assert values.keys() == wanted.keys()
            assert values == pytest.approx(
                wanted, rel=RELATIVE[torch.float32], abs=1e-6, nan_ok=True
            )
    weights, wanted = learnt(together), learnt(alone)
    for name, weight in wanted.items():
        assert relative_difference(weights[name], weight) < RELATIVE[torch.float32], name
    before = learnt(alone, 1)
    assert relative_difference(before["norm.weight"], wanted["norm.weight"]) > 1e-3


@pytest.mark.timeout(900)  # the fixture starts three processes
@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_learns(case: str, runs: dict[int, Path]) -> None:
    alone, together = runs[1] / PLAIN, runs[2] / case
    wanted, found = (by_type(run_dir, "rollouts") for run_dir in (alone, together))
    assert len(found) == len(wanted) == 2 * STEPS
    for group, expected in zip(found, wanted, strict=True):
        texts, expected_texts = (
            [member["text"] for member in record["completions"]] for record in (group, expected)
        )
        assert texts == expected_texts
    check_alike(together, alone)


def test_a_run_with_shared_out_experts_resumes_bit_for_bit(runs: dict[int, Path]) -> None:
    check_resumed(runs[2] / "1-2")


def check_resumed(straight: Path) -> None:
    resumed = straight.with_name(f"{straight.name}-resumed")
    assert said(resumed, after_step=1) == said(straight, after_step=1)
    weights = Path("weights") / "model.safetensors"
    one, other = (checkpoint.path_of(run, STEPS) / weights for run in (resumed, straight))
    assert one.read_bytes() == other.read_bytes()


ROUNDED = {"advantage", "logprob_mean", "entropy_mean"}


@pytest.mark.timeout(900)  # the fixture starts 13 processes
@pytest.mark.parametrize(("processes", "case"), [*((4, case) for case in SHARED), (8, "on policy")])
def test_processes_that_share_a_prompt_learn_what_one_learns(
    processes: int, case: str, shared: dict[int, Path]
) -> None:
    alone, together = shared[1] / case, shared[processes] / case
    wanted, found = (by_type(run_dir, "rollouts") for run_dir in (alone, together))
    assert len(found) == len(wanted) == 2 * STEPS
    differing = 0
    for group, expected in zip(found, wanted, strict=True):
        members, others = group.pop("completions"), expected.pop("completions")
        assert group == expected
        assert len(members) == len(others) == 4
        differing += len({member["reward"] for member in members}) > 1
        for member, other in zip(members, others, strict=True):
            check_tokens(member.pop("tokens"), other.pop("tokens"), member["length"])
            exact = member.keys() - ROUNDED
            assert {name: member[name] for name in exact} == {name: other[name] for name in exact}
            for name in ROUNDED:
                assert member[name] == pytest.approx(other[name], rel=1e-5, abs=1e-6)
    assert differing > STEPS
    check_alike(together, alone)


def check_tokens(found: str | None, wanted: str | None, length: int) -> None:
    """The same numbers of every token, which are kept in whole steps."""
    assert (found is None) == (wanted is None)
    if found is None or wanted is None:
        return
    (texts, values), (other_texts, others) = (
        unpack_tokens(found, length), unpack_tokens(wanted, length),
    )  # fmt: skip
    assert texts == other_texts
    assert values.keys() == others.keys() <= TOKEN_STEPS.keys()
    for name, value in values.items():
        steps, other_steps = (np.frombuffer(each, "<i2") for each in (value, others[name]))
        assert abs(steps.astype(int) - other_steps).max() <= 1


def test_processes_that_share_a_prompt_resume_amid_a_collection(shared: dict[int, Path]) -> None:
    check_resumed(shared[4] / "amid a collection")

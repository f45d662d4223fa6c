"""Experts shared out over processes compute what one process computes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import RELATIVE, relative_difference
from tests.training.grpo.test_run import run_config
from tests.training.jobs import events, run_ranks, train, write_config
from training import checkpoint
from training.distributed.expert_parallel import ExpertParallelError, share_out
from training.events import FinishedEvent
from training.model import Transformer, hf

WORKER = Path(__file__).with_name("expert_parallel_worker.py")
FP32 = ["1:fp32", "2:fp32"]
COARSE = ["1:bf16", "2:fp8"]


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = replace(hf.load(tiny_model).config, n_routed_experts=8)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model")
    hf.save(Transformer(shape), path, tiny_model)
    return path


@pytest.fixture(scope="module")
def told(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """What jobs say of 1, 2 and 4 processes; experts are shared out over two where there are two.
    With four, each slice is held twice."""
    found = {}
    for processes, cases in ((1, FP32[:1] + COARSE), (2, FP32 + COARSE), (4, FP32[1:])):
        out = tmp_path_factory.mktemp(f"processes-{processes}")
        ranks = min(processes, 2)
        run_ranks([str(WORKER), str(model), str(out), str(ranks), *cases], processes)
        found[processes] = torch.load(out / "told.pt")
    return found


@pytest.mark.timeout(900)  # the fixture starts seven processes
@pytest.mark.parametrize(("processes", "case"), [(2, FP32[0]), (2, FP32[1]), (4, FP32[1])])
def test_shared_out_experts_learn_what_whole_ones_learn(
    processes: int, case: str, told: dict[int, Any]
) -> None:
    found, wanted = told[processes][case], told[1][FP32[0]]
    fine = 10 * RELATIVE[torch.float32]
    for step, alone in zip(found["steps"], wanted["steps"], strict=True):
        logprobs, expected = torch.stack(step["logprobs"]), torch.stack(alone["logprobs"])
        assert relative_difference(logprobs, expected) < fine
        assert step["norm"] == pytest.approx(alone["norm"], rel=1e-4)
        assert torch.equal(step["counts"], alone["counts"])
        assert step["gradients"].keys() == alone["gradients"].keys()
        for name, gradient in alone["gradients"].items():
            assert relative_difference(step["gradients"][name], gradient) < fine, name
    for name, weight in wanted["weights"].items():
        assert relative_difference(found["weights"][name], weight) < fine, name
    for biases in found["biases"]:
        assert torch.equal(biases, wanted["biases"][0])
    assert wanted["biases"][0].any()


def test_an_expert_that_one_rank_does_not_ask_keeps_the_others_gradient(
    told: dict[int, Any],
) -> None:
    first = told[2][FP32[0]]["steps"][0]
    by_first_E, by_second_E = (counts_LE[0] for counts_LE in first["asked"])
    lonely = (by_first_E > 0) & (by_second_E == 0)
    assert lonely.any()
    for name in ("gate_up_EDJ", "down_EID"):
        gradient_EXX = first["gradients"][f"blocks.1.feed_forward.{name}"]
        assert all(gradient_XX.any() for gradient_XX in gradient_EXX[lonely])


@pytest.mark.parametrize("case", COARSE)
def test_in_bf16_and_fp8_they_agree_as_far_as_the_dtype_goes(
    case: str, told: dict[int, Any]
) -> None:
    first, alone = (told[processes][case]["steps"][0] for processes in (2, 1))
    logprobs, expected = torch.stack(first["logprobs"]), torch.stack(alone["logprobs"])
    assert relative_difference(logprobs, expected) < RELATIVE[torch.bfloat16]
    assert first["norm"] == pytest.approx(alone["norm"], rel=RELATIVE[torch.bfloat16])


def test_a_resumed_job_goes_on_bit_for_bit(told: dict[int, Any]) -> None:
    for processes, cases in told.items():
        for case in cases.values():
            assert case["resumed_exactly"] == [True] * processes


def test_each_rank_holds_its_share_only(model: Path, told: dict[int, Any]) -> None:
    whole = hf.load(model)
    experts = sum(p.numel() for name, p in whole.named_parameters() if "_E" in name)
    everything = sum(p.numel() for p in whole.parameters())
    assert told[2][FP32[0]]["held"] == everything - experts // 2


@pytest.mark.timeout(600)  # each process loads torch and DeepSpeed
def test_a_run_by_hand_shares_out_experts(model: Path, tmp_path: Path) -> None:
    config = run_config(model, processes=2, expert_parallel=2)
    write_config(
        tmp_path, config.model_copy(update={"grpo": config.grpo.model_copy(update={"steps": 1})})
    )
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "finished"
    saved = checkpoint.read(tmp_path, 1)
    assert saved.manifest.expert_parallel == 2
    whole = hf.load(saved.path / "weights").state_dict()
    assert {name: value.shape for name, value in whole.items()} == {
        name: value.shape for name, value in hf.load(model).state_dict().items()
    }


@pytest.mark.timeout(600)  # likewise
def test_a_mistake_of_all_processes_is_told_once(tiny_model: Path, tmp_path: Path) -> None:
    shape = replace(hf.load(tiny_model).config, n_routed_experts=3)
    hf.save(Transformer(shape), tmp_path / "model", tiny_model)
    write_config(tmp_path, run_config(tmp_path / "model", processes=2, expert_parallel=2))
    result = train(tmp_path)
    assert result.returncode != 0
    assert result.stderr.count("3 experts do not divide over 2 processes") == 1
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert last.reason.startswith("hardware.expert_parallel: the model's 3 experts")


def test_experts_that_do_not_divide_are_refused(model: Path) -> None:
    with pytest.raises(ExpertParallelError, match="8 experts do not divide over 3 processes"):
        share_out(hf.load(model), degree=3, rank=0)


def test_a_model_without_experts_is_refused() -> None:
    with pytest.raises(ExpertParallelError, match="no experts of DeepSeek's architecture"):
        share_out(torch.nn.Linear(2, 2), degree=2, rank=0)

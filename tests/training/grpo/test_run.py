"""Whole runs of a tiny model, each in a process of its own."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.jobs import events, run_ranks, train, write_config
from training import checkpoint
from training.config import GrowthConfig, RunConfig
from training.events import (
    TOKEN_STEPS,
    CheckpointEvent,
    EvaluationEvent,
    FinishedEvent,
    LogEvent,
    MetricsEvent,
    RolloutsEvent,
    unpack_tokens,
)
from training.model import hf
from training.tokenizer import TextTokenizer


@pytest.fixture(scope="module")
def whole_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six steps without interruption, with checkpoints after 3 and 6."""
    run_dir = tmp_path_factory.mktemp("whole-run")
    write_config(run_dir, run_config(tiny_model))
    result = train(run_dir)
    assert result.returncode == 0, result.stderr
    (run_dir / "said").write_text(result.stdout)
    return run_dir


def run_config(tiny_model: Path, **hardware: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"path": str(tiny_model)},
            "grpo": {
                "steps": 6, "prompts_per_step": 2, "group_size": 4, "kl_coef": 0.1,
                "ref_refresh_steps": 2,
            },
            "sampling": {"max_new_tokens": 6},
            "optim": {"learning_rate": 0.01},
            "evaluation": {"every_steps": 3, "problems": 4},
            "checkpoint": {"every_steps": 3},
            "hardware": {"device": "cpu", "dtype": "fp32", **hardware},
        }
    )  # fmt: skip


def told(run_dir: Path, after_step: int) -> list[dict[str, Any]]:
    """What the journal says of later steps, without what depends on the clock or the attempt."""
    found = []
    for event in events(run_dir):
        if event.step <= after_step or event.type not in ("metrics", "rollouts", "evaluation"):
            continue
        record = event.model_dump(exclude={"seq", "time"})
        values = record.get("values", {})
        record["values"] = {
            name: value for name, value in values.items() if not name.startswith(("time/", "perf/"))
        }
        found.append(record)
    return found


def test_the_journal_tells_the_whole_story(whole_run: Path) -> None:
    journal = events(whole_run)
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))
    kinds = [event.type for event in journal]
    assert kinds.count("metrics") == 6
    assert kinds.count("rollouts") == 12
    evaluations = [event for event in journal if isinstance(event, EvaluationEvent)]
    assert [event.step for event in evaluations] == [0, 3, 6]
    saved = [event for event in journal if isinstance(event, CheckpointEvent)]
    assert [(event.step, event.reason) for event in saved] == [(3, "schedule"), (6, "final")]
    last = journal[-1]
    assert isinstance(last, FinishedEvent)
    assert (last.outcome, last.step) == ("finished", 6)


def test_the_parts_of_a_step_are_parts_of_it(whole_run: Path) -> None:
    """They never overlap, whatever the clock says; only the first step writes nothing before."""
    told = [event.values for event in events(whole_run) if isinstance(event, MetricsEvent)]
    for number, values in enumerate(told):
        parts = [values[f"time/{part}_s"] for part in ("rollout", "reward", "logprobs", "update")]
        assert min(parts) >= 0 < values["time/logprobs_s"]
        assert (values["time/write_s"] > 0) == (number > 0)
        assert sum(parts) + values["time/write_s"] <= values["time/step_s"]


def test_the_journal_says_once_which_path_each_operation_took(whole_run: Path) -> None:
    logs = [event for event in events(whole_run) if isinstance(event, LogEvent)]
    said = [event.message for event in logs if event.level == "info"]
    assert said[0] == "model: DeepseekV3ForCausalLM by r1web"
    for path in (
        "grouped_experts: a product for each expert over its slots",
        "linear_logprob: torch in chunks, torch.float32",
    ):
        assert said.count(path) == 1
    lines = (whole_run / "said").read_text().splitlines()
    assert [line for line in lines if not line.startswith("step ")] == said
    assert len(set(said)) == len(said) <= 10


def test_each_group_keeps_question_rewards_and_advantages(whole_run: Path) -> None:
    groups = [event for event in events(whole_run) if isinstance(event, RolloutsEvent)]
    for group in groups:
        assert group.question in group.prompt
        assert group.policy_version == group.step - 1
        assert len(group.completions) == 4
        assert sum(member.advantage for member in group.completions) == pytest.approx(0, abs=1e-5)
        assert all(set(member.rewards) == {"accuracy", "format"} for member in group.completions)
    assert len({group.question for group in groups}) == 12


def test_every_completion_says_what_was_read_and_why(whole_run: Path) -> None:
    groups = [event for event in events(whole_run) if isinstance(event, RolloutsEvent)]
    for group in groups:
        assert group.task == "chain_sum"
        for one in group.completions:
            assert ("<answer>" in one.text) or one.parsed is None
            assert (one.rewards["accuracy"] == 1) == ("accuracy" not in one.reasons)
            assert (one.rewards["format"] == 1) == ("format" not in one.reasons)
            assert one.entropy_mean is not None
            assert one.entropy_mean > 0


def test_the_tokens_one_by_one_add_up_to_the_completion(whole_run: Path) -> None:
    groups = [event for event in events(whole_run) if isinstance(event, RolloutsEvent)]
    for one in [one for group in groups for one in group.completions]:
        assert one.tokens is not None
        lengths, told = unpack_tokens(one.tokens, one.length)
        assert np.frombuffer(lengths, "<u2").sum() == len(one.text)
        steps = {name: np.frombuffer(data, "<i2") for name, data in told.items()}
        means = {name: values.mean() * TOKEN_STEPS[name] for name, values in steps.items()}
        assert means["logprobs"] == pytest.approx(one.logprob_mean, abs=TOKEN_STEPS["logprobs"])
        assert means["entropies"] == pytest.approx(one.entropy_mean, abs=TOKEN_STEPS["entropies"])
        assert abs(means["differences"]) <= TOKEN_STEPS["differences"]  # both are the same fp32


def test_a_resumed_run_goes_on_exactly_as_an_uninterrupted_one(
    whole_run: Path, tmp_path: Path
) -> None:
    shutil.copy(whole_run / "config.json", tmp_path)
    shutil.copytree(checkpoint.path_of(whole_run, 3), checkpoint.path_of(tmp_path, 3))
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    assert told(tmp_path, after_step=3) == told(whole_run, after_step=3)
    weights = Path("weights") / "model.safetensors"
    resumed, straight = (checkpoint.path_of(run, 6) / weights for run in (tmp_path, whole_run))
    assert resumed.read_bytes() == straight.read_bytes()


def test_a_checkpoint_is_a_model_to_start_another_run_from(
    whole_run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    source = checkpoint.path_of(whole_run, 6)
    hf.load(source / "weights")
    TextTokenizer.load(source / "weights")
    config = run_config(tiny_model)
    start = config.model.model_copy(update={"path": str(source)})
    few = config.grpo.model_copy(update={"steps": 1})
    write_config(tmp_path, config.model_copy(update={"model": start, "grpo": few}))
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    forked, last = (
        next(e for e in events(run) if isinstance(e, EvaluationEvent) and e.step == step)
        for run, step in ((tmp_path, 0), (whole_run, 6))
    )
    assert forked.values["eval/length_mean"] == last.values["eval/length_mean"]


def test_several_steps_on_one_collection(tiny_model: Path, tmp_path: Path) -> None:
    config = run_config(tiny_model)
    # Amid the first collection, which keeps its limit.
    growth = GrowthConfig(from_step=2, max_new_tokens=9)
    grpo = config.grpo.model_copy(update={"steps_per_collection": 3})
    sampling = config.sampling.model_copy(update={"growth": growth})
    write_config(tmp_path, config.model_copy(update={"grpo": grpo, "sampling": sampling}))
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    groups = [event for event in events(tmp_path) if isinstance(event, RolloutsEvent)]
    assert [group.policy_version for group in groups] == [0] * 6 + [3] * 6
    longest = [max(member.length for member in group.completions) for group in groups]
    assert max(longest[:6]) == 6
    assert max(longest[6:]) == 9
    assert len({group.question for group in groups}) == 12


def test_a_skipped_step_is_counted_over_the_run(tiny_model: Path, tmp_path: Path) -> None:
    config = run_config(tiny_model)
    grpo = config.grpo.model_copy(update={"steps": 3})
    often = config.checkpoint.model_copy(update={"every_steps": 1})
    still = config.optim.model_copy(update={"expert_bias_rate": 0.0})  # it follows load alone
    changes = {"grpo": grpo, "checkpoint": often, "optim": still}
    write_config(tmp_path, config.model_copy(update=changes))
    run_ranks([str(Path(__file__).with_name("skipping_run.py")), str(tmp_path)], 1)

    def counts() -> list[tuple[int, float, float]]:
        metrics = [event for event in events(tmp_path) if isinstance(event, MetricsEvent)]
        return [
            (event.step, event.values["optim/skipped"], event.values["optim/skipped_total"])
            for event in metrics
        ]

    assert counts() == [(1, 0, 0), (2, 1, 1), (3, 0, 1)]
    before, after = (
        checkpoint.path_of(tmp_path, step) / "weights" / "model.safetensors" for step in (1, 2)
    )
    assert after.read_bytes() == before.read_bytes()
    shutil.rmtree(checkpoint.path_of(tmp_path, 3))
    assert train(tmp_path).returncode == 0
    assert counts()[-1] == (3, 0, 1)


def test_a_model_that_is_gone_ends_the_run_in_one_sentence(
    tiny_model: Path, tmp_path: Path
) -> None:
    config = run_config(tiny_model)
    gone = config.model.model_copy(update={"path": str(tmp_path / "gone")})
    write_config(tmp_path, config.model_copy(update={"model": gone}))
    result = train(tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.strip().endswith("it may have been deleted.")
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "failed"
    assert last.reason.startswith("model.path:")


def test_resuming_with_other_processes_is_refused_with_the_reason(
    whole_run: Path, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(checkpoint.path_of(whole_run, 3), checkpoint.path_of(tmp_path, 3))
    write_config(tmp_path, run_config(tiny_model, zero_stage=2))
    result = train(tmp_path)
    assert result.returncode == 2
    assert "written by 1 processes with ZeRO stage 1" in result.stderr


def test_a_crash_ends_the_run_in_one_sentence_with_the_traceback_in_the_log(
    tiny_model: Path, tmp_path: Path
) -> None:
    write_config(tmp_path, run_config(tiny_model))
    (tmp_path / "checkpoints").write_text("a file where the directory belongs")
    result = train(tmp_path)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert (last.outcome, last.step) == ("failed", 3)
    assert last.reason.startswith("NotADirectoryError: ")

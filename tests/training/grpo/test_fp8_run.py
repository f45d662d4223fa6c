"""A GRPO run in FP8 on a machine that has to emulate it."""

from pathlib import Path

import torch

from tests.training.grpo.test_run import run_config
from tests.training.jobs import events, train, write_config
from training import checkpoint
from training.config import RunConfig
from training.events import FinishedEvent, LogEvent, MetricsEvent, StartedEvent
from training.model import hf


def fp8_config(tiny_model: Path, **hardware: object) -> RunConfig:
    """Two steps of the whole recipe, bf16 moments included."""
    config = run_config(tiny_model, **{"dtype": "fp8", **hardware})
    return config.model_copy(
        update={
            "grpo": config.grpo.model_copy(update={"steps": 2}),
            "optim": config.optim.model_copy(update={"moment_dtype": "bf16"}),
            "evaluation": config.evaluation.model_copy(update={"every_steps": 0}),
        }
    )


def test_it_trains_and_says_once_that_it_emulates(tiny_model: Path, tmp_path: Path) -> None:
    write_config(tmp_path, fp8_config(tiny_model))
    result = train(tmp_path)
    assert result.returncode == 0, result.stderr
    journal = events(tmp_path)
    warnings = [e.message for e in journal if isinstance(e, LogEvent) and e.level == "warning"]
    emulated = "hardware.dtype: cpu has no FP8 arithmetic: it is emulated, exactly but slowly."
    assert warnings[0] == emulated
    assert not any("FP8" in message for message in warnings[1:])
    assert result.stdout.count(warnings[0]) == 1
    started = next(event for event in journal if isinstance(event, StartedEvent))
    assert started.dtype == "fp8"
    first, last = (event.values for event in journal if isinstance(event, MetricsEvent))
    assert first["kl/mean"] == 0  # the reference computes in FP8 too: the same model, to the bit
    assert 0 < first["sampler/logprob_diff_mean"] < 0.2  # the sampler does not
    assert last["optim/skipped"] == 0
    saved = hf.load(checkpoint.path_of(tmp_path, 2) / "weights")
    assert saved.head.weight.dtype == torch.bfloat16


def test_it_is_refused_where_emulation_is_not_wanted(tiny_model: Path, tmp_path: Path) -> None:
    write_config(tmp_path, fp8_config(tiny_model, require_native_fp8=True))
    result = train(tmp_path)
    assert result.returncode == 2
    sentence = (
        "hardware.require_native_fp8: cpu has no FP8 arithmetic; switch this off to emulate it, "
        "or set another hardware.dtype."
    )
    assert result.stderr.strip() == sentence
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert (last.outcome, last.reason) == ("failed", sentence)

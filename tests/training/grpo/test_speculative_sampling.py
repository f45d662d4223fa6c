"""Runs that sample with `sampling.speculative`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tests.training.jobs import events, train, write_config
from training.config import RunConfig
from training.events import MetricsEvent
from training.model import Transformer, hf


def _config(model: Path) -> RunConfig:
    values: dict[str, Any] = {
        "model": {"path": str(model)},
        "grpo": {"steps": 2, "prompts_per_step": 2, "group_size": 4},
        "sampling": {"max_new_tokens": 6, "speculative": True},
        "evaluation": {"every_steps": 0},
        "hardware": {"device": "cpu", "dtype": "fp32"},
    }
    return RunConfig.model_validate(values)


def test_a_run_tells_how_many_guesses_the_policy_kept(tiny_model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = replace(hf.load(tiny_model).config, num_nextn_predict_layers=1)
    hf.save(Transformer(shape), tmp_path / "model", tiny_model)
    write_config(tmp_path / "run", _config(tmp_path / "model"))
    result = train(tmp_path / "run")
    assert result.returncode == 0, result.stderr
    told = [event.values for event in events(tmp_path / "run") if isinstance(event, MetricsEvent)]
    assert len(told) == 2
    for values in told:
        assert 0 < values["sampler/acceptance_rate"] < 1
        assert values["sampler/logprob_diff_mean"] < 1e-5


def test_a_model_without_the_layer_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    write_config(tmp_path, _config(tiny_model))
    result = train(tmp_path)
    assert result.returncode == 2
    assert "sampling.speculative: the model has no multi-token prediction layer" in result.stderr

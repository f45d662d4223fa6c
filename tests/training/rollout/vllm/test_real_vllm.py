"""vLLM itself as the sampler, in the environment that `make vllm` makes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tolerance import ABSOLUTE
from tests.training import other_models
from tests.training.grpo.other_models_worker import make_model
from tests.training.jobs import events, train, write_config
from tests.training.model.random_models import build
from tests.training.model.test_vllm_opens_what_is_saved import V3
from training.batch import make_batch
from training.config import RunConfig, VllmSampler
from training.events import MetricsEvent, RolloutsEvent
from training.model import Policy, completion_logprobs
from training.model.causal_lm import CausalLM
from training.rollout.engine import Completion, Sampling
from training.rollout.vllm import peer
from training.rollout.vllm.engine import VllmEngine
from training.rollout.vllm.session import Session, StaleWeightsError, fingerprint_of

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not peer.INSTALLED.exists(), reason="there is no .venv-vllm: `make vllm` makes it"
    ),
]
SETTINGS = VllmSampler(kv_cache_gib=0.5, max_sequences=8)
CPU = torch.device("cpu")
PROMPTS = [[5, 6, 7, 8] * 12, [9, 10, 11, 12, 13]]
TOKENIZER = other_models.tokenizer(["12 + 3 = 15"])
WIDE = {"hidden_size": 128, "intermediate_size": 64}
"""vLLM's attention on a CPU wants heads of 32 at least."""
MODELS: dict[str, Callable[[], Policy]] = {
    "deepseek_v3": lambda: build(V3),
    "llama": lambda: CausalLM(other_models.network("llama", **WIDE)),
    "qwen3_moe": lambda: CausalLM(
        other_models.network("qwen3_moe", **WIDE, head_dim=32, moe_intermediate_size=32)
    ),
}


class Case:
    """A model with its own sampler; `write` asks for completions of the model as it is."""

    def __init__(self, model: Policy, directory: Path) -> None:
        self.model, self.version = model, 0
        started = peer.reach(SETTINGS, 0, CPU, directory)
        self.session = Session(started, SETTINGS, TOKENIZER.as_json())

    def write(self, sampling: Sampling, eos_id: int | None = None) -> list[Completion]:
        engine = VllmEngine(self.session, self.model, self.version)
        return engine.generate(
            PROMPTS, group_size=3, sampling=sampling, seeds=[1, 2], eos_id=eos_id
        )  # fmt: skip

    @torch.no_grad()
    def distance(self, written: list[Completion], temperature: float) -> float:
        """Largest difference of the sampler's log-probabilities from the trainer's forward."""
        prompts = [prompt for prompt in PROMPTS for _ in range(3)]
        batch = make_batch(prompts, [completion.tokens for completion in written], CPU)
        rows = (batch.tokens_BT, batch.mask_BT, batch.completion_BT)
        ours_M = completion_logprobs(self.model, *rows, temperature).logprobs_BT[rows[2]]
        theirs_M = torch.tensor([value for each in written for value in each.logprobs])
        return float((ours_M - theirs_M).abs().max())


@pytest.fixture(scope="module", params=list(MODELS))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    made = Case(MODELS[request.param](), tmp_path_factory.mktemp("vllm"))
    yield made
    made.session.close()


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.5), (0.0, 1.0)])
def test_logprobs_are_the_trainers_own(case: Case, temperature: float, top_p: float) -> None:
    written = case.write(Sampling(16, temperature=temperature, top_p=top_p))
    assert {len(completion.tokens) for completion in written} == {16}
    assert case.distance(written, temperature or 1.0) < ABSOLUTE[torch.float32]


def test_seeds_reproduce_completions_and_tell_them_apart(case: Case) -> None:
    first = case.write(Sampling(16))
    assert case.write(Sampling(16)) == first
    assert len({tuple(completion.tokens) for completion in first}) == 6


def test_a_handover_reaches_every_weight(case: Case) -> None:
    """Latents, experts, embeddings: whatever vLLM made of a weight when it was loaded, and the
    prompts that it keeps, have to follow."""
    before = case.write(Sampling(16))
    generator = torch.Generator().manual_seed(1)
    for changed in range(1, 4):
        with torch.no_grad():
            for parameter in case.model.parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(0.05 * parameter.std() * noise if parameter.ndim > 1 else 0.01)
        case.version = changed
        after = case.write(Sampling(16))
        assert after[0].weights == (changed, fingerprint_of(case.model))
        assert [each.tokens for each in after] != [each.tokens for each in before]
        assert case.distance(after, 1.0) < ABSOLUTE[torch.float32]
        before = after


def test_the_end_token_ends_a_completion(case: Case) -> None:
    whole = case.write(Sampling(16))
    end = whole[0].tokens[4]
    ended = case.write(Sampling(16), eos_id=end)
    for before, after in zip(whole, ended, strict=True):
        length = before.tokens.index(end) + 1 if end in before.tokens else 16
        assert after.tokens == before.tokens[:length]
        assert after.finish_reason == ("stop" if end in before.tokens else "length")


def test_no_end_comes_before_the_least_length(case: Case) -> None:
    end = case.write(Sampling(16))[0].tokens[4]
    written = case.write(Sampling(16, min_new_tokens=8), eos_id=end)
    assert all(end not in completion.tokens[:8] for completion in written)
    assert case.distance(written, 1.0) < ABSOLUTE[torch.float32]


def test_a_string_ends_a_completion_and_is_kept(case: Case) -> None:
    whole = case.write(Sampling(16))
    pieces = [TOKENIZER.decode([token]) for token in whole[0].tokens[3:]]
    stop = next(piece for piece in pieces if piece.isascii() and piece.strip())
    ended = case.write(Sampling(16, stop=(stop,)))
    for before, after in zip(whole, ended, strict=True):
        texts = [TOKENIZER.decode(before.tokens[:count]) for count in range(1, 17)]
        length = next((count for count, text in enumerate(texts, 1) if stop in text), 16)
        assert after.tokens == before.tokens[:length]
        found = stop in texts[-1]
        assert (after.finish_reason, after.stop) == (("stop", stop) if found else ("length", None))
    assert ended[0].stop == stop


def test_a_layer_that_keeps_its_old_weights_is_found_out(tmp_path: Path) -> None:
    forgetful = Path(__file__).with_name("forgetful_server.py")
    started = peer.start(peer.INSTALLED, tmp_path / "vllm.log", CPU, program=forgetful)
    with pytest.raises(StaleWeightsError, match="its model does not compute with these weights"):
        Session(started, SETTINGS).hand_over(build(V3), 0)
    started.close()


def test_a_run_samples_with_vllm(tmp_path: Path) -> None:
    make_model(tmp_path / "model", **WIDE)
    settings: dict[str, Any] = {
        "model": {"path": str(tmp_path / "model")},
        "grpo": {"steps": 3, "prompts_per_step": 2, "group_size": 4},
        "reward": {"length": {"weight": 1}},  # lengths differ, and so do rewards
        "sampling": {"max_new_tokens": 20, "temperature": 2, "engine": SETTINGS.model_dump()},
        "optim": {"learning_rate": 0.01},
        "evaluation": {"every_steps": 3, "problems": 2},
        "hardware": {"device": "cpu", "dtype": "fp32"},
    }
    write_config(tmp_path / "run", RunConfig.model_validate(settings))
    done = train(tmp_path / "run")
    assert done.returncode == 0, done.stderr
    journal = events(tmp_path / "run")
    metrics = [event for event in journal if isinstance(event, MetricsEvent)]
    assert [event.step for event in metrics] == [1, 2, 3]
    for event in metrics:
        assert 0 < event.values["sampler/logprob_diff_mean"] < ABSOLUTE[torch.float32]
        assert event.values["optim/grad_norm"] > 0
    rollouts = [event for event in journal if isinstance(event, RolloutsEvent)]
    assert [event.policy_version for event in rollouts] == [0, 0, 1, 1, 2, 2]
    names = [event.fingerprint for event in rollouts]
    assert None not in names
    assert len(set(names)) == 3
    assert (tmp_path / "run" / "vllm.log").stat().st_size > 0

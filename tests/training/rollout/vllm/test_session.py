"""The trainer's side against a real process that speaks the protocol, faithfully and otherwise."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.training.model.random_models import build
from training.config import VllmSampler
from training.model import ModelConfig, Transformer
from training.rollout.engine import Completion, Sampling, SamplingError
from training.rollout.vllm import peer
from training.rollout.vllm.engine import VllmEngine, member_seed
from training.rollout.vllm.session import Session, StaleWeightsError, fingerprint_of

FAKE = Path(__file__).with_name("fake_sampler.py")
PROMPTS = [[5, 6, 7], [8, 9]]
SHORT = Sampling(4)
TINY = ModelConfig(
    vocab_size=32, hidden_size=16, intermediate_size=24, moe_intermediate_size=8,
    num_hidden_layers=2, num_attention_heads=2, kv_lora_rank=8, q_lora_rank=None,
    qk_nope_head_dim=4, qk_rope_head_dim=4, v_head_dim=4, n_routed_experts=2, num_experts_per_tok=1,
    max_position_embeddings=64, tie_word_embeddings=False,
)  # fmt: skip


@pytest.fixture
def model() -> Transformer:
    """Every token is as likely as any other, which is what the fake sampler tells too."""
    made = build(TINY)
    with torch.no_grad():
        made.head.weight.zero_()
    return made


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    started = peer.start(
        Path(sys.executable), tmp_path / "vllm.log", torch.device("cpu"), program=FAKE
    )
    session = Session(started, VllmSampler())
    yield session
    session.close()


def write(session: Session, model: Transformer, version: int = 0) -> list[Completion]:
    return VllmEngine(session, model, version).generate(
        PROMPTS, group_size=2, sampling=SHORT, seeds=[1, 2], eos_id=None
    )


def change(model: Transformer) -> None:
    with torch.no_grad():
        model.blocks[0].attention.kv_up.weight.mul_(1.001)


def test_each_completion_says_which_weights_wrote_it(session: Session, model: Transformer) -> None:
    told: dict[int, Completion] = {}
    written = VllmEngine(session, model, 7).generate(
        PROMPTS, group_size=2, sampling=SHORT, seeds=[1, 2], eos_id=None, done=told.__setitem__
    )
    seeds = [member_seed(seed, member) for seed in (1, 2) for member in (0, 1)]
    assert [completion.tokens[0] for completion in written] == [seed % 32 for seed in seeds]
    assert [told[number] for number in range(4)] == written
    for completion in written:
        assert completion.weights == (7, fingerprint_of(model))
        assert completion.logprobs == pytest.approx([-math.log(32)] * 4)


def test_a_seed_follows_from_the_number_in_the_whole_group(
    session: Session, model: Transformer
) -> None:
    written = VllmEngine(session, model, 0).generate(
        PROMPTS, group_size=2, first_member=4, sampling=SHORT, seeds=[1, 2], eos_id=None
    )
    seeds = [member_seed(seed, member) for seed in (1, 2) for member in (4, 5)]
    assert [completion.tokens[0] for completion in written] == [seed % 32 for seed in seeds]


def test_weights_are_handed_over_when_they_have_changed(
    session: Session, model: Transformer
) -> None:
    first = write(session, model)[0].weights
    assert write(session, model)[0].weights == first
    change(model)  # and whoever did it says nothing of a new version
    second = write(session, model)[0].weights
    assert second == (0, fingerprint_of(model))
    assert second != first
    assert write(session, model, 1)[0].weights == (1, fingerprint_of(model))


@pytest.mark.parametrize("fault", ["skips a handover", "answers with the former"])
def test_rollouts_of_stale_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Transformer, fault: str
) -> None:
    monkeypatch.setenv("FAKE_SAMPLER", fault)
    started = peer.start(Path(sys.executable), tmp_path / "log", torch.device("cpu"), program=FAKE)
    session = Session(started, VllmSampler())
    stale = write(session, model, 3)[0].weights
    change(model)
    with pytest.raises(StaleWeightsError) as error:
        write(session, model, 4)
    assert f"has {stale}, where the trainer expects policy version 4" in str(error.value)
    assert fingerprint_of(model) in str(error.value)
    session.close()


FAULTS = {
    "cannot open": (SamplingError, "no such architecture"),
    "corrupts a byte": (StaleWeightsError, "where the trainer expects policy version 0"),
    "computes with others": (StaleWeightsError, "differ from the trainer's by 1.000 nats a token"),
    "dies": (SamplingError, "ended by SIGKILL, perhaps because memory ran out"),
    "diverges": (SamplingError, "its weights have diverged"),
    "aborts": (SamplingError, "a completion that ended by 'abort'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_sampler_that_fails_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Transformer, fault: str
) -> None:
    monkeypatch.setenv("FAKE_SAMPLER", fault)
    log = tmp_path / "vllm.log"
    started = peer.start(Path(sys.executable), log, torch.device("cpu"), program=FAKE)
    session = Session(started, VllmSampler())
    kind, said = FAULTS[fault]
    with pytest.raises(kind) as error:
        write(session, model)
    assert said in str(error.value)
    if fault == "dies":
        assert f"Its last words, in {log}:\nout of blocks" in str(error.value)
    session.close()


def test_a_sampler_that_hangs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Transformer
) -> None:
    monkeypatch.setenv("FAKE_SAMPLER", "hangs")
    monkeypatch.setattr(peer, "_GOODBYE_S", 0.0)
    started = peer.start(
        Path(sys.executable), tmp_path / "log", torch.device("cpu"), program=FAKE, patience_s=20
    )
    session = Session(started, VllmSampler())
    session.hand_over(model, 0)
    started._connection.allow(0.1)
    with pytest.raises(SamplingError, match="no answer in the time allowed"):
        write(session, model)
    assert started._child is not None
    assert started._child.returncode is not None


def test_what_finds_no_room_is_refused_by_its_field(session: Session, model: Transformer) -> None:
    with pytest.raises(SamplingError) as error:
        VllmEngine(session, model, 0).generate(
            [[1] * 30], sampling=SHORT, seeds=[1], eos_id=None
        )  # fmt: skip
    assert str(error.value).startswith("sampling.engine.kv_cache_gib: ")
    assert "34 tokens together" in str(error.value)


def test_a_missing_environment_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SamplingError) as error:
        peer.check_installed(VllmSampler(python=str(tmp_path / "python")))
    assert str(error.value) == (
        f"sampling.engine.python: {tmp_path / 'python'} is missing: run `make vllm`, or name the "
        "Python of another environment that has vLLM."
    )
    with pytest.raises(SamplingError, match="token_env: NO_SECRET is not set"):
        peer.check_installed(VllmSampler(addresses=["node:1"], token_env="NO_SECRET"))


def test_the_child_ends_with_its_trainer(session: Session, model: Transformer) -> None:
    write(session, model)
    child = session._peer._child
    assert child is not None
    assert child.poll() is None
    session.close()
    assert child.returncode is not None

"""Other models compute here what they compute in transformers, or are refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from tests.tolerance import ABSOLUTE, GRADIENT, relative_difference
from tests.training.other_models import SHAPES, directory, network, padded
from training.model import ModelConfigError, completion_logprobs, policy
from training.model.causal_lm import CausalLM, check_logits
from training.model.hf import CheckpointError

TEMPERATURE = 0.8


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Directories of tiny models, each written once."""
    known: dict[str, Path] = {}

    def make(model_type: str) -> Path:
        if model_type not in known:
            known[model_type] = directory(model_type, tmp_path_factory.mktemp(model_type))
        return known[model_type]

    return make


def in_float64(theirs: Any, tokens_BT: Tensor, mask_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability and entropy at each token by transformers' own logits, row by row without
    padding; [B, T], zero where nothing stands before."""
    logprobs_BT = torch.zeros(tokens_BT.shape, dtype=torch.float64)
    entropy_BT = torch.zeros(tokens_BT.shape, dtype=torch.float64)
    for row, (tokens_T, mask_T) in enumerate(zip(tokens_BT, mask_BT, strict=True)):
        logits_TV = theirs(tokens_T[mask_T][None]).logits[0, :-1]
        logp_TV = (logits_TV / TEMPERATURE).log_softmax(-1)
        places = mask_T.nonzero().squeeze(1)[1:]
        picked_T = logp_TV.gather(1, tokens_T[places, None]).squeeze(1)
        logprobs_BT = logprobs_BT.index_put((torch.tensor(row), places), picked_T)
        entropy_BT[row, places] = -(logp_TV.exp() * logp_TV).sum(-1).detach()
    return logprobs_BT, entropy_BT


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("model_type", SHAPES)
def test_logprobs_and_gradients_equal_transformers(
    model_type: str, side: str, made: Callable[[str], Path]
) -> None:
    ours = policy.load(made(model_type), torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(
        made(model_type), experts_implementation="eager"
    ).double()
    tokens_BT, mask_BT, scored_BT = padded(side)
    found = completion_logprobs(ours, tokens_BT, mask_BT, scored_BT, TEMPERATURE)
    exact_BT, entropy_BT = (
        each_BT * scored_BT for each_BT in in_float64(theirs, tokens_BT, mask_BT)
    )
    assert float((found.logprobs_BT - exact_BT).detach().abs().max()) < ABSOLUTE[torch.float32]
    assert float((found.entropy_BT - entropy_BT).abs().max()) < ABSOLUTE[torch.float32]

    weights_BT = torch.randn(4, 14, generator=torch.Generator().manual_seed(2))
    (found.logprobs_BT * weights_BT).sum().backward()
    (exact_BT * weights_BT).sum().backward()
    assert isinstance(ours, CausalLM)
    gradients = {name: parameter.grad for name, parameter in ours.network.named_parameters()}
    for name, parameter in theirs.named_parameters():
        if parameter.grad is not None:  # not a position nobody stood at
            assert relative_difference(gradients[name], parameter.grad) < GRADIENT[torch.float32]
    assert sum(parameter.grad is not None for parameter in theirs.parameters()) > 10


def test_the_whole_table_of_logits_is_never_written(made: Callable[[str], Path]) -> None:
    ours = policy.load(made("qwen2"), torch.float32)

    def refuse(*_: object) -> None:
        pytest.fail("the network's own head was used")

    ours.network.lm_head.register_forward_pre_hook(refuse)
    completion_logprobs(ours, *padded("right")).logprobs_BT.sum().backward()
    assert ours.network.lm_head.weight.grad.any()


def test_dropout_stays_off_in_training(made: Callable[[str], Path]) -> None:
    ours = policy.load(made("gpt2"), torch.float32)
    assert ours.config.resid_pdrop > 0
    inputs = padded("right")
    sampled = completion_logprobs(ours.eval(), *inputs).logprobs_BT
    assert torch.equal(completion_logprobs(ours.train(), *inputs).logprobs_BT, sampled)


def test_rotary_frequencies_keep_their_precision_in_bf16(made: Callable[[str], Path]) -> None:
    cast = policy.load(made("llama"), torch.float32).to(torch.bfloat16)
    loaded = AutoModelForCausalLM.from_pretrained(made("llama"), dtype=torch.bfloat16)
    tokens_BT = torch.arange(100)[None]
    assert cast.network.dtype == torch.bfloat16
    assert torch.equal(cast.logits(cast(tokens_BT)), loaded(tokens_BT).logits)


@pytest.mark.parametrize("model_type", ["llama", "gpt2", "qwen3_moe"])
def test_what_is_saved_is_the_same_model_in_transformers(
    model_type: str, made: Callable[[str], Path], tmp_path: Path
) -> None:
    ours = policy.load(made(model_type), torch.bfloat16)
    policy.save(ours, tmp_path, made(model_type))
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert theirs.dtype == torch.bfloat16
    tokens_BT = torch.arange(50)[None]
    assert torch.equal(theirs(tokens_BT).logits, ours.logits(ours(tokens_BT)))
    again = policy.load(tmp_path).state_dict()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(again[name], tensor)
    assert (tmp_path / "tokenizer.json").exists()
    assert set(load_file(tmp_path / "model.safetensors")) == set(
        load_file(made(model_type) / "model.safetensors")
    )


def test_which_class_computes_is_said(made: Callable[[str], Path], tiny_model: Path) -> None:
    assert policy.title(policy.load(made("llama"))) == "LlamaForCausalLM by transformers"
    assert policy.title(policy.load(tiny_model)) == "DeepseekV3ForCausalLM by r1web"


@pytest.mark.parametrize(
    ("model_type", "changes", "message"),
    [
        ("gemma2", {"head_dim": 8}, "final_logit_softcapping is 30.0"),
        ("phi", {}, "output head of PhiForCausalLM has a bias"),
        ("mamba", {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 1}, "'mamba'"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused(
    model_type: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    network(model_type, **changes).save_pretrained(tmp_path)
    with pytest.raises(ModelConfigError, match=message):
        policy.load(tmp_path)


def test_a_head_that_does_more_is_found_out(made: Callable[[str], Path], tmp_path: Path) -> None:
    theirs = AutoModelForCausalLM.from_pretrained(made("cohere"))
    theirs.logit_scale = 3.0
    with pytest.raises(ModelConfigError, match="CohereForCausalLM does more to its logits"):
        check_logits(CausalLM(theirs))


def break_config(path: Path, **fields: object) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | fields))


def break_tensors(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(path / "model.safetensors")
    change(tensors)
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})


NORM = "model.layers.1.input_layernorm.weight"


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda path: break_config(path, model_type="r9"), CheckpointError, "has model type `r9`"),
        (lambda path: break_config(path, model_type="resnet"), CheckpointError,
         "Unrecognized configuration class"),
        (lambda path: break_config(path, quantization_config={"quant_method": "gptq", "bits": 4}),
         ModelConfigError, "quantization_config: quantised weights"),
        (lambda path: break_tensors(path, lambda held: held.pop(NORM)), CheckpointError,
         f"{NORM} is missing"),
        (lambda path: break_tensors(path, lambda held: held.update({NORM: torch.ones(7)})),
         CheckpointError, rf"{NORM} has shape \[7\]: config.json asks for \[32\]"),
        (lambda path: break_tensors(path, lambda held: held.update(extra=torch.ones(7))),
         CheckpointError, "no place for: extra"),
        (lambda path: (path / "model.safetensors").write_bytes(b"short"), CheckpointError,
         "transformers cannot load it"),
        (lambda path: (path / "model.safetensors").unlink(), CheckpointError,
         "transformers cannot load it: .*model.safetensors"),
        (lambda path: (path / "config.json").write_text("{"), CheckpointError, "not valid JSON"),
    ],
)  # fmt: skip
def test_a_broken_directory_is_refused_in_one_sentence(
    damage: Callable[[Path], object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    directory("llama", tmp_path)
    damage(tmp_path)
    with pytest.raises(error, match=message) as told:
        policy.load(tmp_path)
    assert "\n" not in str(told.value)

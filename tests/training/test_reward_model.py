"""The reward model against transformers' own forward, one sequence at a time."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

from tests.tolerance import ABSOLUTE
from training.base_models import find_model
from training.config import ReasoningGymConfig, RewardConfig, RewardModelConfig
from training.reward_model import RewardModel
from training.rewards import Candidate, RewardError, RewardPool
from training.tasks import Problem

CHAT = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|eos|>{% endfor %}"
TEXTS = ["<think>so</think><answer>7</answer>", "", "seven " * 12, "7<|eos|>", "<answer>7"]
PAIRS = [
    (Problem("What is 3 + 4?", "7"), Candidate(text, len(text), 99, ended=True)) for text in TEXTS
]


def written(path: Path, *, labels: int = 1, pad: bool, chat: bool) -> Path:
    """A random model beside nano-base's tokenizer."""
    torch.manual_seed(0)
    shutil.copytree(find_model("nano-base"), path, ignore=shutil.ignore_patterns("*.safetensors"))
    tokenizer = AutoTokenizer.from_pretrained(path)
    tokenizer.chat_template = CHAT if chat else None
    if not pad:
        tokenizer.pad_token = None
    tokenizer.save_pretrained(path)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        num_labels=labels, pad_token_id=tokenizer.pad_token_id, initializer_range=0.5,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(path)
    return path


def opened(path: Path, chunk_tokens: int = 64, **settings: str) -> RewardModel:
    config = RewardModelConfig(path=str(path), **settings)
    return RewardModel(config, torch.device("cpu"), torch.float32, chunk_tokens)


def exact(path: Path, text: str) -> float:
    """By transformers itself, in fp64 and unpadded."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForSequenceClassification.from_pretrained(path, dtype=torch.float64)
    special = tokenizer.chat_template is None
    tokens = tokenizer(text, return_tensors="pt", add_special_tokens=special)
    with torch.no_grad():
        return float(model(input_ids=tokens["input_ids"]).logits)


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize("chat", [True, False])
def test_a_batch_gets_the_grades_of_its_sequences(tmp_path: Path, *, pad: bool, chat: bool) -> None:
    path = written(tmp_path / "model", pad=pad, chat=chat)
    form = "user: {}<|eos|>assistant: {}<|eos|>" if chat else "{}\n{}"
    expected = [exact(path, form.format("What is 3 + 4?", text)) for text in TEXTS]
    assert opened(path)(PAIRS) == pytest.approx(expected, abs=ABSOLUTE[torch.float32])
    assert max(expected) - min(expected) > 0.1
    for chunk_tokens in (1, 10**6):
        assert opened(path, chunk_tokens)(PAIRS) == pytest.approx(
            expected, abs=ABSOLUTE[torch.float32]
        )


def test_it_may_read_the_answer_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "model", pad=True, chat=False)
    (grade,) = opened(path, reads="answer")(PAIRS[:1])
    assert grade == pytest.approx(exact(path, "What is 3 + 4?\n7"), abs=ABSOLUTE[torch.float32])


def test_what_it_cannot_hold_has_no_grade_and_says_why(tmp_path: Path) -> None:
    path = written(tmp_path / "model", pad=True, chat=False)
    long = Candidate("7 " * 300, 600, 999, ended=True)
    short, reason = opened(path)([PAIRS[0], (PAIRS[0][0], long)])
    assert isinstance(short, float)
    assert "more than the reward model's 128 positions" in str(reason)


def test_its_grades_join_the_other_parts(tmp_path: Path) -> None:
    path = written(tmp_path / "model", pad=True, chat=False)
    config = RewardConfig(model=RewardModelConfig(path=str(path), weight=2), workers=1)
    problem = Problem("What is 3 + 4?", "7", {"answer": "7"})
    with RewardPool(ReasoningGymConfig(), config, opened(path)) as pool:
        pool.submit("a", problem, [PAIRS[0][1], PAIRS[1][1]])
        pool.submit("b", problem, [PAIRS[2][1]], only=("accuracy", "format"))
        rewards = pool.collect()
    right, empty = rewards["a"]
    grades = opened(path)(PAIRS[:2])
    assert [right.parts["model"], empty.parts["model"]] == pytest.approx(grades)
    assert right.total == pytest.approx(2 + 2 * grades[0])
    assert rewards["b"][0].parts == {"accuracy": 0, "format": 0}


def test_an_unfit_directory_is_refused_by_its_field(tmp_path: Path) -> None:
    with pytest.raises(RewardError, match=r"^reward\.model\.path: .*/none is no directory"):
        opened(tmp_path / "none")
    with pytest.raises(RewardError, match=r"^reward\.model\.path: .* gives 2 numbers"):
        opened(written(tmp_path / "two", labels=2, pad=True, chat=False))


def test_a_language_model_is_no_reward_model(tmp_path: Path) -> None:
    path = written(tmp_path / "model", pad=True, chat=False)
    config = LlamaConfig.from_pretrained(path)
    LlamaForCausalLM(config).save_pretrained(path)
    with pytest.raises(RewardError, match=r"lacks weights of a reward model: score\.weight"):
        opened(path)

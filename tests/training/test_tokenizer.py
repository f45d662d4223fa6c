import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

from training.base_models import find_model
from training.tasks.template import r1_prompt
from training.tokenizer import BOS, EOS, TAGS, TextTokenizer, TokenizerError, train


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer.load(find_model("nano-base"))


@given(text=st.text())
def test_any_text_survives(text: str) -> None:
    tokenizer = TextTokenizer.load(find_model("nano-base"))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_digits_and_tags_are_single_tokens(tokenizer: TextTokenizer) -> None:
    for tag in TAGS:
        assert len(tokenizer.encode(tag)) == 1
    ids = tokenizer.encode("407")
    assert [tokenizer.decode([token]) for token in ids] == ["4", "0", "7"]


def test_a_prompt_is_a_handful_of_tokens(tokenizer: TextTokenizer) -> None:
    question = "State the final answer to the following arithmetic problem: 42 - 25 ="
    ids = tokenizer.encode_prompt(r1_prompt(question))
    assert ids[0] == tokenizer.bos_id
    assert len(ids) <= 20


def test_transformers_reads_the_same_tokens(tokenizer: TextTokenizer) -> None:
    theirs = AutoTokenizer.from_pretrained(find_model("nano-base"))
    text = r1_prompt("12 + 3 =") + "<think>2 + 3</think>\n\n ü"
    assert theirs.encode(text, add_special_tokens=False) == tokenizer.encode(text)
    assert (theirs.bos_token, theirs.eos_token) == (BOS, EOS)
    assert theirs.decode(tokenizer.encode(text)) == text


def test_training_is_repeatable(tmp_path: Path) -> None:
    texts = [f"{a} + {b} = {a + b}, is it not" for a in range(20) for b in range(20)]
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train(texts, 300).save(tmp_path / name)
    one, two = ((tmp_path / name / "tokenizer.json").read_text() for name in ("one", "two"))
    assert one == two


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json is missing"):
        TextTokenizer.load(tmp_path)


BASE = "<|endoftext|>"


def other_tokenizer(path: Path, post_processor: Any = None, **config: object) -> Path:
    """A tokenizer as other models ship theirs: word pieces of bytes, one special token or two."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=[BASE, "<s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(["1 + 2 = 3"], trainer)
    if post_processor is not None:
        made.post_processor = post_processor
    made.enable_truncation(4)
    made.enable_padding()
    path.mkdir(exist_ok=True)
    made.save(str(path / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **config}
    (path / "tokenizer_config.json").write_text(json.dumps(config))
    return path


PUTS_BOS = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])


@pytest.mark.parametrize(
    ("post_processor", "config", "begins"),
    [
        (None, {"bos_token": BASE, "eos_token": BASE}, []),  # as GPT-2 and SmolLM
        (None, {"bos_token": None, "eos_token": {"__type": "AddedToken", "content": BASE}}, []),
        (PUTS_BOS, {"bos_token": "<s>", "eos_token": BASE}, [1]),  # as Llama 3
    ],
)
def test_a_prompt_begins_as_in_transformers(
    post_processor: Any, config: dict[str, Any], begins: list[int], tmp_path: Path
) -> None:
    path = other_tokenizer(tmp_path, post_processor, **config)
    ours, theirs = TextTokenizer.load(path), AutoTokenizer.from_pretrained(path)
    text = "1 + 2 = <think>ü</think>\n"
    assert ours.encode_prompt(text) == begins + ours.encode(text)
    assert ours.encode_prompt(text) == theirs.encode(text, truncation=False)
    assert ours.decode(ours.encode(text)) == text
    assert (ours.eos_id, ours.pad_id) == (0, 0)


@pytest.mark.parametrize("post_processor", [None, PUTS_BOS])
@pytest.mark.parametrize("said", [True, False])
def test_what_a_config_says_of_bos_goes_before_what_the_tokenizer_does(
    post_processor: Any, said: bool, tmp_path: Path
) -> None:
    names = {"bos_token": "<s>", "eos_token": BASE}
    path = other_tokenizer(tmp_path, post_processor, **names, add_bos_token=said)
    assert (TextTokenizer.load(path).encode_prompt("1")[0] == 1) is said


def test_an_end_token_is_found_wherever_it_is_named(tmp_path: Path) -> None:
    by_map = other_tokenizer(tmp_path / "map")
    (by_map / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "<s>"}}))
    by_id = other_tokenizer(tmp_path / "id")
    (by_id / "config.json").write_text(json.dumps({"eos_token_id": [1, 0]}))
    assert TextTokenizer.load(by_map).eos_id == TextTokenizer.load(by_id).eos_id == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "tokenizer.json").unlink(), r"tokenizer\.json is missing: .*save it"),
        (lambda path: (path / "tokenizer.json").write_text("{}"), "json cannot be read"),
        (lambda path: (path / "tokenizer_config.json").write_text("{"), "is not valid JSON"),
        (lambda path: (path / "tokenizer_config.json").write_text("{}"), "names no eos_token"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_refused_in_one_sentence(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    damage(other_tokenizer(tmp_path))
    with pytest.raises(TokenizerError, match=message) as told:
        TextTokenizer.load(tmp_path)
    assert "\n" not in str(told.value)

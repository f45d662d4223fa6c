from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
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

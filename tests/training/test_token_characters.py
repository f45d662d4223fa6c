"""The characters of a text that each token stands for."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from training.tokenizer import TextTokenizer, train

TEXTS = ["<think>27 + 58 = 85</think>", "Ένα 数える 🦉🦉 naïve", "二加二等于四。", "👩‍👩‍👧 ok"]
written = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from([*TEXTS, "�", "🦉", "é", "<answer>"])
).map("".join)


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return train(TEXTS * 3, 300)


def pieces(text: str, lengths: list[int]) -> list[str]:
    ends = list(accumulate(lengths, initial=0))
    return [text[start:end] for start, end in pairwise(ends)]


@given(written)
def test_the_texts_of_the_tokens_make_up_the_text(tokenizer: TextTokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    lengths = tokenizer.characters(ids, text)
    assert lengths is not None
    assert "".join(pieces(text, lengths)) == text
    for end in range(len(ids) + 1):
        before = tokenizer.decode(ids[:end])
        if not before.endswith("�"):  # whole characters so far
            assert text[: sum(lengths[:end])] == before


@given(st.lists(st.integers(0, 299)))
def test_what_is_no_text_has_its_characters_too(tokenizer: TextTokenizer, ids: list[int]) -> None:
    text = tokenizer.decode(ids)
    lengths = tokenizer.characters(ids, text)
    assert lengths is not None
    assert sum(lengths) == len(text)


def test_a_character_of_several_tokens_belongs_to_the_first(tokenizer: TextTokenizer) -> None:
    text = "a𝄞b"
    ids = tokenizer.encode(text)
    lengths = tokenizer.characters(ids, text)
    assert lengths is not None
    assert [length for length in lengths if length] == [1, 1, 1]
    assert lengths[1] == 1
    assert len(lengths) > 3


def test_a_tokenizer_of_another_kind_is_asked_by_decoding() -> None:
    words = ["▁two", "▁plus", "<0xE4>", "<0xBA>", "<0x8C>", "▁owls"]
    model = models.BPE({word: place for place, word in enumerate(words)}, [], byte_fallback=True)
    made = Tokenizer(model)
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer = TextTokenizer(made, None, "▁two", "▁two")
    text = tokenizer.decode([0, 1, 2, 3, 4, 5])
    assert text == " two plus二 owls"
    lengths = tokenizer.characters([0, 1, 2, 3, 4, 5], text)
    assert lengths is not None
    assert pieces(text, lengths) == [" two", " plus", "二", "", "", " owls"]

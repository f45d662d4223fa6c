"""The rule rewards: their values at chosen points, and their ranges everywhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import LengthConfig
from training.rewards.language import language_share, words_amiss
from training.rewards.length import cosine_length
from training.rewards.overlong import soft_overlong
from training.rewards.repetition import repeated, repetition
from training.rewards.tag_count import TAGS, tag_count

lengths = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("<think>a</think><answer>1</answer>", 1.0),
        ("<think>a</think>1", 0.5),
        ("<think>a<think>b</think><answer>1</answer>", 0.75),
        ("83", 0.0),
    ],
)
def test_each_tag_that_stands_once_earns_a_quarter(completion: str, value: float) -> None:
    assert tag_count(completion) == value


@given(st.lists(st.sampled_from([*TAGS, "x"])))
def test_tags_count_wherever_they_stand(pieces: list[str]) -> None:
    assert tag_count("".join(pieces)) == sum(pieces.count(tag) == 1 for tag in TAGS) / 4


@pytest.mark.parametrize(
    ("thinking", "target", "value"),
    [
        ("We add 3 and 4, so x = 7.", "en", 1.0),
        ("We add 三 and 四", "en", 3 / 5),
        ("设 x 为苹果的数量，then x = 7", "zh", 7 / 8),
        ("设 x 为苹果的数量", "zh", 1.0),
        ("We compute \\frac{a}{b} \\times \\alpha", "en", 1.0),
        ("café", "en", 0.0),
        ("りんごは7個", "ja", 1.0),
        ("りんごは7個", "zh", 1 / 5),
        ("사과는 일곱 개", "ko", 2 / 2),
        ("Яблок семь", "ru", 1.0),
        ("सेब सात", "hi", 1.0),
        ("تفاحات سبع", "ar", 1.0),
        ("μήλα", "el", 1.0),
        ("תפוחים", "he", 1.0),
        ("แอปเปิล", "th", 1.0),
        ("தமிழ்", "en", 0.0),
        ("3 + 4 = 7", "en", 0.0),
        ("", "en", 0.0),
    ],
)
def test_language_is_the_share_of_the_targets_words(
    thinking: str, target: str, value: float
) -> None:
    assert language_share(f"<think>{thinking}</think><answer>答</answer>", target) == value


@pytest.mark.parametrize(
    "completion",
    ["<think>We go</think>我", "We go</think>我", "We go<answer>我", "We go", "<think>We go"],
)
def test_language_looks_at_the_thinking_alone(completion: str) -> None:
    assert language_share(completion, "en") == 1


@given(st.text(), st.sampled_from(["en", "zh", "ja", "ko", "ar", "hi"]))
def test_language_is_a_share_for_any_text(completion: str, target: str) -> None:
    assert 0 <= language_share(completion, target) <= 1


@given(st.lists(st.sampled_from(["we", "think", "我", "们"])))
def test_shares_of_two_languages_add_up(words: list[str]) -> None:
    text = " ".join(words)
    total = language_share(text, "en") + language_share(text, "zh")
    assert total == pytest.approx(1 if words else 0)


@pytest.mark.parametrize(
    ("thinking", "reason"),
    [
        ("We go", ""),
        ("3 + 4 = 7", "no word in the thinking"),
        ("So 我 go 我 了 on", "3 of 6 words are not en: 我, 了"),
    ],
)
def test_words_of_another_language_are_told(thinking: str, reason: str) -> None:
    assert words_amiss(f"<think>{thinking}</think>", "en") == reason


def test_cosine_length_goes_from_short_to_long() -> None:
    config = LengthConfig()
    assert cosine_length(0, 100, True, config) == 1.0
    assert cosine_length(50, 100, True, config) == pytest.approx(0.75)
    assert cosine_length(25, 100, True, config) == pytest.approx(0.5 + 0.25 * (1 + math.sqrt(0.5)))
    assert cosine_length(100, 100, True, config) == pytest.approx(0.5)
    assert cosine_length(0, 100, False, config) == -1.0
    assert cosine_length(100, 100, False, config) == pytest.approx(-0.5)
    assert cosine_length(130, 100, False, config) == cosine_length(100, 100, False, config)


@given(lengths, lengths)
def test_shorter_is_better_when_right_and_worse_when_wrong(one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    config = LengthConfig()
    right = [cosine_length(tokens, 8000, True, config) for tokens in (shorter, longer)]
    wrong = [cosine_length(tokens, 8000, False, config) for tokens in (shorter, longer)]
    assert right[0] >= right[1] >= 0.5 - 1e-12
    assert -1 <= wrong[0] <= wrong[1] < right[1]


@pytest.mark.parametrize(
    ("completion", "ngram", "value"),
    [
        ("a b c d", 3, 0.0),
        ("a b", 3, 0.0),
        ("", 3, 0.0),
        ("a a a a a", 3, 1 / 3 - 1),
        ("wait Wait wait", 1, 1 / 3 - 1),
        ("the cat the cat the dog", 2, 3 / 5 - 1),
        ("我我我我", 2, 1 / 3 - 1),
    ],
)
def test_repetition_is_the_share_of_ngrams_seen_before(
    completion: str, ngram: int, value: float
) -> None:
    assert repetition(completion, ngram) == pytest.approx(value)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("a b c d", ""),
        ("", ""),
        ("The cat the cat the dog", "2 of 5 come again, “the cat” 2 times in all"),
    ],
)
def test_the_commonest_repetition_is_told(completion: str, reason: str) -> None:
    assert repeated(completion, 2) == reason


@given(st.text(), st.integers(1, 5))
def test_a_repetition_has_a_reason_and_nothing_else_has(completion: str, ngram: int) -> None:
    assert bool(repeated(completion, ngram)) == (repetition(completion, ngram) < 0)


@given(st.text(), st.integers(1, 5))
def test_repetition_lies_between_minus_one_and_zero(completion: str, ngram: int) -> None:
    assert -1 < repetition(completion, ngram) <= 0


def test_overlong_grows_evenly_over_the_buffer() -> None:
    # The numbers of DAPO: 16,384 tokens expected, 4,096 more as buffer.
    values = [soft_overlong(n, 20_480, 4_096) for n in (0, 16_384, 18_432, 20_480, 30_000)]
    assert values == [0, 0, -0.5, -1, -1]


@given(lengths, st.integers(1, 10_000), st.integers(1, 10_000))
def test_overlong_lies_between_minus_one_and_zero(tokens: int, most: int, buffer: int) -> None:
    assert -1 <= soft_overlong(tokens, most, buffer) <= 0

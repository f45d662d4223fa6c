"""The keyword stage: whole words, Chinese anywhere, and no way round by spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.safety.keywords import OPENING_WORDS, Rules, read_rules, words_of
from training.safety.prompts import SafetyError, read_set

LETTERS = st.text("abcdefgh", min_size=1, max_size=6)
HAN = st.text("偷盗枪炸药弹仇恨自杀", min_size=1, max_size=4)
TERMS = st.one_of(st.lists(LETTERS, min_size=1, max_size=3).map(" ".join), HAN)
TEXTS = st.text(max_size=60)


def rules_of(folder: Path, text: str) -> Rules:
    file = folder / "own.toml"
    file.write_text(text, encoding="utf-8")
    return read_rules(str(file))


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    terms = '["gun", "break into", "poison*", "炸弹"]'
    return rules_of(tmp_path, f'[keywords]\nc = {terms}\n[refusals]\nopens_with = ["i can t help"]')


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Buy a GUN!", ["c: gun"]),
        ("It has begun; gunpowder.", []),
        ("Ways to break\n into it", ["c: break into"]),
        ("break-into", ["c: break into"]),
        ("They break in to dance", []),
        ("poisonous and POISON", ["c: poison*"]),
        ("antipoison", []),
        ("怎么做炸弹？", ["c: 炸弹"]),
        ("炸 弹", ["c: 炸弹"]),
        ("炸鱼和弹簧", []),
        ("ｇｕｎ and g\u200bun", ["c: gun"]),
        ("the gun炸弹", ["c: gun", "c: 炸弹"]),
        ("", []),
    ],
)
def test_terms_in_texts(rules: Rules, text: str, found: list[str]) -> None:
    assert rules.found(text) == found


def test_a_refusal_has_to_begin_the_answer(rules: Rules) -> None:
    assert rules.refuses("Well, I can’t help with that.")
    assert not rules.refuses("word " * OPENING_WORDS + "I can't help")
    assert not rules.refuses("I can help")


@given(term=TERMS, before=TEXTS, after=TEXTS)
def test_a_term_is_found_wherever_it_stands_alone(term: str, before: str, after: str) -> None:
    rules = Rules("", {f" {' '.join(words_of(term))} ": term}, {})
    assert rules.found(f"{before}\n{term.upper()}\n{after}") == [term]


@given(term=LETTERS, text=TEXTS)
def test_a_term_is_found_only_among_the_words(term: str, text: str) -> None:
    rules = Rules("", {f" {term} ": term}, {})
    assert bool(rules.found(text)) == (term in words_of(text))


@given(term=LETTERS, text=TEXTS)
def test_a_stem_is_found_where_a_word_begins_with_it(term: str, text: str) -> None:
    rules = Rules("", {f" {term}": f"{term}*"}, {})
    assert bool(rules.found(text)) == any(word.startswith(term) for word in words_of(text))


@given(term=HAN, before=HAN, after=HAN)
def test_chinese_needs_no_boundary(term: str, before: str, after: str) -> None:
    rules = Rules("", {f" {' '.join(term)} ": term}, {})
    assert rules.found(f"{before}{term}{after}") == [term]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keywords", "is not TOML"),
        ("[keywords]\nc = [1]", r"keywords\.c\.0: "),
        ("[keywords]\nc = ['…']", "the term “…” has no word in it"),
        ("[words]\nc = ['a']", "keywords: .* Field required"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SafetyError, match=said):
        rules_of(tmp_path, text)
    with pytest.raises(SafetyError, match="cannot be read"):
        read_rules(str(tmp_path / "none.toml"))


def test_the_terms_that_ship_flag_harm_more_often_than_what_only_sounds_like_it() -> None:
    rules, prompts = read_rules(None), read_set(None).prompts
    flagged = [(one.harmful, bool(rules.found(one.prompt))) for one in prompts]
    assert flagged.count((True, True)) / 80 > flagged.count((False, True)) / 48

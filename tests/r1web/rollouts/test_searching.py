"""Searches find what is there, say how far they looked, and never hang."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from r1web.accounts.models import User
from r1web.errors import InvalidError
from r1web.rollouts.matching import Mode, literals, matcher
from r1web.rollouts.selectors import searching
from r1web.rollouts.services import append_groups, seal_full
from r1web.rollouts.signature import candidates, fold, parts, sign
from r1web.runs.models import Attempt, Run
from tests.r1web.conftest import Api, caller
from tests.r1web.rollouts.told import rollouts

MakeRun = Callable[..., Run]
LETTERS = st.characters(exclude_categories=["Cs"])
STEPS = 20
SAID = {2: "Wait, the QUOKKA hops.", 3: "straße Δx 混合", 18: "quokka-quokka", 19: "aab aaab"}


@pytest.fixture
def run(make_run: MakeRun) -> Run:
    """Twenty groups of two, in two segments; some of the second completions say something."""
    run = make_run()
    attempt = Attempt.objects.create(run=run, number=1, started_at=timezone.now())
    for step in range(1, STEPS + 1):
        event = rollouts(step, 0, [0.0, 1.0], question=f"What of {step}?", answer=f"it is {step}")
        first, second = event.completions
        said = second.model_copy(update={"text": SAID.get(step, "nothing much")})
        append_groups([(attempt, event.model_copy(update={"completions": [first, said]}))])
    return run


@pytest.fixture(params=["fresh", "sealed"], autouse=True)
def state(run: Run, request: pytest.FixtureRequest) -> None:
    if request.param == "sealed":
        assert len(list(seal_full())) == 1


def found(api: Api, run: Run, q: str, mode: Mode = "text", **query: Any) -> list[tuple[Any, ...]]:
    answer = api.get(f"/runs/{run.pk}/completions/search", q=q, mode=mode, **query).json()
    assert (answer["searched"], answer["next_cursor"]) == (answer["total"], None)
    return [
        (hit["completion"]["step"], hit["field"], hit["excerpt"][hit["start"] : hit["end"]])
        for hit in answer["items"]
    ]


@pytest.mark.parametrize(
    ("q", "mode", "hits"),
    [
        ("quokka", "text", [(18, "completion", "quokka"), (2, "completion", "QUOKKA")]),
        ("STRASSE δX", "text", [(3, "completion", "straße Δx")]),
        ("混合", "text", [(3, "completion", "混合")]),
        ("合", "text", [(3, "completion", "合")]),
        ("q", "text", [(18, "completion", "q"), (2, "completion", "Q")]),
        ("nowhere at all", "text", []),
        ("hops wait", "words", [(2, "completion", "hops")]),
        ("hop wait", "words", []),
        ("of 7", "text", [(7, "question", "of 7")]),
        ("IS 13", "text", [(13, "answer", "is 13")]),
        (r"[Qq]uokka\b", "regex", [(18, "completion", "quokka")]),
        (r"(?i)quo(kk)a.h", "regex", [(2, "completion", "QUOKKA h")]),
        (r"a{3}b$", "regex", [(19, "completion", "aaab")]),
        (r"ß.*\p{Han}+", "regex", [(3, "completion", "ße Δx 混合")]),
        (r"^it is 1\d", "regex", [(n, "answer", f"it is {n}") for n in range(19, 9, -1)]),
    ],
)
def test_it_finds_what_is_there(
    run: Run, api: Api, q: str, mode: Mode, hits: list[tuple[Any, ...]]
) -> None:
    assert found(api, run, q, mode) == hits


def test_only_completions_that_the_conditions_hold_for(run: Run, api: Api) -> None:
    assert [step for step, *_ in found(api, run, "quokka", where="step<10")] == [2]
    assert found(api, run, "quokka", where="reward=0") == []
    assert found(api, run, "of 7", where="reward=1") == [(7, "question", "of 7")]


@pytest.mark.parametrize("budget", [-1.0, 60.0])
def test_page_by_page_it_comes_to_the_same(
    run: Run, api: Api, monkeypatch: pytest.MonkeyPatch, budget: float
) -> None:
    """However little time a request has, it gets on, and says how far."""
    monkeypatch.setattr(searching, "BUDGET_S", budget)
    whole = [*SAID.values(), "nothing much"]
    steps, searched, cursor = [], [], None
    while cursor is not None or not searched:
        asked = {"q": "o", "limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = api.get(f"/runs/{run.pk}/completions/search", **asked).json()
        steps += [(hit["completion"]["step"], hit["field"]) for hit in answer["items"]]
        searched.append(answer["searched"])
        cursor = answer["next_cursor"]
    said = {n: SAID.get(n, whole[-1]) for n in range(1, STEPS + 1)}
    expected = [
        (n, field)
        for n in range(STEPS, 0, -1)
        for field in ("completion", "question")
        if field == "question" or "o" in said[n].lower()
    ]
    assert steps == expected
    assert searched == sorted(searched)
    assert searched[-1] == 2 * STEPS
    assert len(searched) >= (STEPS if budget < 0 else 2)


@pytest.mark.parametrize(
    ("q", "says"),
    [
        ("(", "missing )"),
        (r"(a)\1", "invalid escape sequence"),
        ("a(?=b)", "invalid perl operator"),
        ("(a{30}){30}", "repeats too much"),
        ("x" * 301, "1 to 300 characters"),
    ],
)
def test_a_pattern_that_is_none_is_refused(run: Run, api: Api, q: str, says: str) -> None:
    answer = api.get(f"/runs/{run.pk}/completions/search", q=q, mode="regex")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["path"]) == (422, "q")
    assert says in error["message"]


def test_nothing_is_not_searched_for(run: Run, api: Api, stranger: User) -> None:
    assert api.get(f"/runs/{run.pk}/completions/search", q=" ").status_code == 422
    path = f"/runs/{run.pk}/completions/search"
    assert caller(stranger).get(path, q="quokka").status_code == 404


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+b", r"(a|a?)+c", r"(.*a){15}b", r"(a*)*b"])
def test_no_pattern_takes_longer_than_the_text_is_long(pattern: str) -> None:
    """Each takes a backtracking engine longer than the universe is old."""
    text = b"a" * 20_000 + b"!"
    began = time.process_time()
    assert matcher(pattern, "regex").spans([text]) == [None]
    assert time.process_time() - began < 20


PIECES = st.sampled_from(
    ["a", "b", "ab", ".", "\\.", "\\d", "[ab]", "[^a]", "(a)", "(?:b|a)", "(?i)a", "a*", "b+", "b?",
     "a{2}", "b{0,1}", "^", "$", "|", "\\bb", "ß", "[[:alpha:]]", "\\x61", "()", "K", "[]a]"]
)  # fmt: skip


@given(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.text("abAB.ßsSKk1 ", max_size=12))
@example("a(b|c)*ba", "aba")
def test_what_matches_contains_the_pattern_s_literals(pattern: str, text: str) -> None:
    try:
        regex = matcher(pattern, "regex")
    except InvalidError:
        return
    if regex.spans([text.encode()]) != [None]:
        assert all(needle in fold(text.encode()) for needle in regex.needles)


def test_literals_are_taken_where_they_are_plain() -> None:
    assert literals(r"\d+ \$5\.00[xy]z") == [" $5.00", "z"]


@given(st.lists(st.text(LETTERS, max_size=40), min_size=1, max_size=20), st.data())
def test_a_signature_never_hides_a_text(texts: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(texts))
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    needle = fold(text[begin:end].encode())
    bits = dict(parts(sign([fold(one.encode()) for one in texts])))
    places = candidates(
        [needle], len(texts), lambda numbers: {n: bits[n] for n in numbers if n in bits}
    )
    assert places[texts.index(text)]


def test_a_signature_rules_out_what_is_not_there() -> None:
    bits = dict(parts(sign([b"the quick brown fox", b"a lazy dog"])))
    read = lambda numbers: {n: bits[n] for n in numbers if n in bits}  # noqa: E731
    assert candidates([b"lazy"], 2, read).tolist() == [False, True]
    assert candidates([b"quick", b"fox"], 2, read).tolist() == [True, False]
    assert candidates([b"cat"], 2, read).tolist() == [False, False]
    assert candidates([b"the quick brown fox"], 2, read).tolist() == [True, False]
    assert candidates([b"the quick brown dog"], 2, read).tolist() == [False, False]


@given(st.text(LETTERS), st.text(LETTERS, min_size=1), st.text(LETTERS))
def test_a_text_is_found_where_it_stands(before: str, text: str, after: str) -> None:
    if not text.strip():
        return
    whole = before + text + after
    (span,) = matcher(text, "text").spans([whole.encode()])
    assert span is not None
    assert text.casefold() in whole[slice(*span)].casefold()


@given(st.text(LETTERS), st.lists(st.text("abß", min_size=1, max_size=3), min_size=1, max_size=3))
def test_words_are_found_when_all_are_there(text: str, words: list[str]) -> None:
    whole = f"{text} {' '.join(reversed(words))} ."
    (span,) = matcher(" ".join(words), "words").spans([whole.encode()])
    assert span is not None
    assert re.fullmatch(r"\w+", whole[slice(*span)])

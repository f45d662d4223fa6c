"""The estimate is right where the truth is known, and says how far it may be off."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.cli.main import main
from training.provenance.scan import known_error, scan
from training.provenance.scan.estimate import KnownError, corrected
from training.provenance.scan.rules import ENOUGH, looks_machine_written, points_of

PLAIN = (
    "The carter came down from the hill before it was light. He had lost a wheel at the ford, he "
    "said, and would not go back that way for any money, nor would his brother."
)
MACHINE = "As an AI language model, I cannot hold opinions. " + PLAIN


@st.composite
def errors(draw: st.DrawFn) -> KnownError:
    machine, human = draw(st.integers(20, 500)), draw(st.integers(20, 500))
    found = draw(st.integers(machine // 2 + 1, machine))
    return KnownError(machine, found, human, draw(st.integers(0, human // 3)))


@given(errors(), st.integers(1, 5000), st.floats(0, 1))
def test_the_share_lies_in_its_interval_and_both_in_0_to_1(
    known: KnownError, texts: int, part: float
) -> None:
    found = corrected(round(part * texts), texts, known)
    assert 0 <= found.low <= found.share <= found.high <= 1


@given(errors(), st.integers(0, 100))
def test_what_is_flagged_at_the_known_rates_comes_back_as_the_true_share(
    known: KnownError, percent: int
) -> None:
    true = percent / 100
    flagged = true * known.sensitivity + (1 - true) * (1 - known.specificity)
    found = corrected(round(flagged * 10**6), 10**6, known)
    assert found.share == pytest.approx(true, abs=1e-4)


@given(errors(), st.integers(0, 999))
def test_more_flagged_texts_never_make_a_smaller_share(known: KnownError, flagged: int) -> None:
    assert corrected(flagged, 1000, known).share <= corrected(flagged + 1, 1000, known).share


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Error and set are drawn anew each time; 95 % of 2,000, and chance: 1,860 at the least."""
    rng, true, held = Random(0), 0.3, 0

    def drawn(count: int, share: float) -> int:
        return sum(rng.random() < share for _ in range(count))

    for _ in range(2000):
        known = KnownError(60, drawn(60, 0.7), 80, drawn(80, 0.1))
        seen = corrected(drawn(200, true * 0.7 + (1 - true) * 0.1), 200, known)
        held += seen.low <= true <= seen.high
    assert held >= 1860


@pytest.mark.parametrize(("flagged", "texts"), [(0, 0), (3, 2)])
def test_what_is_no_share_is_refused(flagged: int, texts: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        corrected(flagged, texts, KnownError(10, 9, 10, 1))


def test_a_test_no_better_than_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="chance"):
        corrected(1, 2, KnownError(10, 5, 10, 5))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("As an AI language model, I have no taste.", "about itself"),
        ("作为一个人工智能，我没有感情。", "about itself"),
        ("Assistant: two and two are four.", "chat tags"),
        ("Certainly! Two and two are four.", "stock phrases"),
        ("1. **Red**: warm\n2. **Blue**: cold\n", "markup"),
        ("the old man saw the old man saw the old man saw", "repetition"),
    ],
)
def test_each_rule_can_be_seen_in_the_text(text: str, rule: str) -> None:
    assert rule in points_of([text])[0]
    assert rule not in points_of([PLAIN])[0]


def test_one_opening_over_and_over_is_told_of_the_set() -> None:
    texts = [f"Once upon a time {word}." for word in ("here", "there", "elsewhere")]
    assert all("same opening" in points for points in points_of(texts))
    assert not any("same opening" in points for points in points_of(texts[:2]))


def test_points_add_up() -> None:
    assert looks_machine_written({"a": ENOUGH - 1, "b": 1})
    assert not looks_machine_written({"a": ENOUGH - 1})


def test_texts_of_a_kind_of_which_the_error_is_not_known_are_not_judged() -> None:
    record, _ = scan(["作为一个人工智能，" * 40, "Too short."])
    assert (record.texts, record.judged, record.share, record.low) == (2, 0, None, None)


def test_the_command_tells_share_rules_and_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "texts.jsonl"
    rows = [{"text": MACHINE}] * 2 + [{"text": PLAIN}] * 8
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SystemExit) as end:
        main(["scan", str(file), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert (told["texts"], told["judged"], told["rules"]["about itself"]) == (10, 10, 2)
    assert told["error"] == vars(known_error())
    with pytest.raises(SystemExit) as end:
        main(["scan", str(file), "--field", "words"])
    assert (end.value.code, "--field" in capsys.readouterr().err) == (2, True)

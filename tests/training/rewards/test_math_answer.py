import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rewards.math_answer import means_the_same


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("0.5", "1/2"),
        (r"\frac12", "0.5"),
        (r"50\%", r"\frac{1}{2}"),
        (r"\boxed{\frac{1}{2}}", "1/2"),
        ("It is 18", "18"),
        ("18 dollars", "18"),
        (r"So the answer is $\frac{3}{4}$.", "0.75"),
        ("1,200", "1200"),
        ("x = 5", "5"),
        (r"\{2, 1\}", r"\{1,2\}"),
        ("(x+1)^2", "x^2 + 2x + 1"),
        ("sqrt(12)", r"2\sqrt{3}"),
        ("12 cm", r"12\text{ cm}"),
        ("monday", r"\text{Monday}"),
        (r"(-\infty, 3)", "x < 3"),
    ],
)
def test_the_same_mathematics_in_other_words(answer: str, reference: str) -> None:
    assert means_the_same(answer, reference)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("0.33", "1/3"),
        ("", "5"),
        ("", ""),
        ("5 or 6", "5"),
        ("(2,1)", "(1,2)"),
        ("1", "2ab + 1"),
        ("Tuesday", "Monday"),
        (r"$\frac{1}{2", "0.5"),
        ("3.14", r"\pi"),
    ],
)
def test_something_else(answer: str, reference: str) -> None:
    assert not means_the_same(answer, reference)


def test_it_works_off_the_main_thread() -> None:
    # math-verify's own time limit does not, and scores every answer as wrong there.
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(means_the_same("0.5", "1/2")))
    thread.start()
    thread.join()
    assert found == [True]


@given(st.integers(-(10**9), 10**9), st.sampled_from(["{}", "${}$", r"\boxed{{{}}}", "It is {}."]))
def test_every_whole_number_equals_itself_only(number: int, form: str) -> None:
    assert means_the_same(form.format(number), str(number))
    assert not means_the_same(form.format(number + 1), str(number))

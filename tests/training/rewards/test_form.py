import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import ReasoningGymConfig
from training.rewards.accuracy import accuracy, parsed_of, why_wrong
from training.rewards.form import Parts, parts, why_not
from training.rewards.format import format_reward
from training.tasks import Problem, Task, build_task

TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
text = st.text(alphabet="ab <>/=1\n", max_size=20)


@pytest.fixture(scope="module")
def task() -> Task:
    return build_task(ReasoningGymConfig())


@pytest.fixture(scope="module")
def problem(task: Task) -> Problem:
    return task.training_problem(0, 0)


@given(text.filter(str.strip), text.filter(str.strip))
def test_the_form_gives_back_both_parts(think: str, answer: str) -> None:
    completion = f"<think>{think}</think>\n<answer>{answer}</answer>"
    assert parts(completion) == Parts(think.strip(), answer.strip())


@given(st.lists(st.sampled_from([*TAGS, "x", " "]), max_size=9))
def test_only_one_order_of_the_tags_has_the_form(pieces: list[str]) -> None:
    found = parts("".join(pieces))
    tags = [piece for piece in pieces if piece in TAGS]
    if found is not None:
        assert tags == TAGS
    if tags != TAGS:
        assert found is None


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "83",
        "<think>4 + 3</think>83",
        "<think>4 + 3<answer>83</answer>",
        "<think>4 + 3</think><answer>83",
        "<think></think><answer>83</answer>",
        "<think>4 + 3</think><answer> </answer>",
        "<think>4 + 3</think>so<answer>83</answer>",
        "<think>4 + 3</think><answer>83</answer> I think.",
        "well <think>4 + 3</think><answer>83</answer>",
        "<think>a<think>b</think><answer>83</answer>",
        "<think>a</think><answer>83</answer><answer>84</answer>",
    ],
)
def test_any_other_form_earns_nothing_for_form(completion: str) -> None:
    assert format_reward(completion, ended=True) == 0


def test_a_cut_off_completion_has_not_the_form() -> None:
    completion = "<think>so</think><answer>83</answer>"
    assert format_reward(completion, ended=True) == 1
    assert format_reward(completion, ended=False) == 0


def test_right_answer_in_poor_form_counts_as_right(task: Task, problem: Problem) -> None:
    assert accuracy(f"so <answer>{problem.answer}</answer>", problem, task) == 1


def test_the_last_answer_counts(task: Task, problem: Problem) -> None:
    assert accuracy(f"<answer>{problem.answer}</answer><answer>no</answer>", problem, task) == 0
    assert accuracy(f"<answer>no</answer><answer>{problem.answer}</answer>", problem, task) == 1


@given(st.text())
def test_any_text_can_be_scored(completion: str) -> None:
    assert format_reward(completion, ended=True) in (0, 1)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        ("83", "no <think>"),
        ("<think>a</think><answer>83", "no </answer>"),
        ("<think>a<think>b</think><answer>83</answer>", "<think> stands 2 times"),
        ("<answer>83</answer><think>a</think>", "the tags are out of order"),
        ("<think> </think><answer>83</answer>", "the thinking is empty"),
        ("<think>a</think><answer> </answer>", "the answer is empty"),
        ("well <think>a</think><answer>83</answer>", "text before <think>"),
        ("<think>a</think> so <answer>83</answer>", "text between the parts"),
        ("<think>a</think><answer>83</answer>!", "text after </answer>"),
        ("<think>a</think>\n<answer>83</answer>\n", ""),
    ],
)
def test_a_form_that_is_none_says_why(completion: str, reason: str) -> None:
    assert why_not(completion) == reason


@given(st.lists(st.sampled_from([*TAGS, "x", " "]), max_size=9))
def test_there_is_a_reason_exactly_where_the_form_is_missing(pieces: list[str]) -> None:
    completion = "".join(pieces)
    assert (why_not(completion) == "") == (parts(completion) is not None)


@pytest.mark.parametrize(
    ("completion", "parsed", "reason"),
    [
        ("84", None, "no <answer>"),
        ("<answer>84", None, "no </answer>"),
        ("<answer> </answer>", None, "the answer is empty"),
        ("<answer>84</answer>", "84", "parsed 84, expected 85"),
        ("<answer>8\n4</answer>", "8\n4", "parsed 8 4, expected 85"),
        (f"<answer>{'9' * 99}</answer>", "9" * 99, f"parsed {'9' * 59}…, expected 85"),
    ],
)
def test_a_wrong_answer_says_what_was_read(
    task: Task, completion: str, parsed: str | None, reason: str
) -> None:
    asked = Problem("27 + 58", "85")
    assert parsed_of(completion, asked, task) == parsed
    assert why_wrong(completion, asked, task) == reason


def test_a_wrong_answer_without_a_reference_says_so(task: Task) -> None:
    asked = Problem("any?", "")
    assert why_wrong("<answer>84</answer>", asked, task) == (
        "parsed 84, which the verifier refuses"
    )

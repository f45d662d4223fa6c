import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import ReasoningGymConfig
from training.rewards.accuracy import accuracy
from training.rewards.form import Parts, parts
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

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import ReasoningGymConfig, RewardConfig
from training.rewards import score
from training.rewards.form import Parts, parts
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
def test_any_other_form_earns_nothing_for_form(
    completion: str, task: Task, problem: Problem
) -> None:
    assert score(completion, problem, task, RewardConfig(), ended=True).parts["format"] == 0


def test_parts_stay_beside_the_weighted_sum(task: Task, problem: Problem) -> None:
    completion = f"<think>so</think><answer>{problem.answer}</answer>"
    reward = score(completion, problem, task, RewardConfig(accuracy=2, format=0.5), ended=True)
    assert reward.parts == {"accuracy": 1, "format": 1}
    assert reward.total == 2.5


def test_right_answer_in_poor_form_counts_as_right(task: Task, problem: Problem) -> None:
    reward = score(
        f"so <answer>{problem.answer}</answer>", problem, task, RewardConfig(), ended=True
    )
    assert reward.parts == {"accuracy": 1, "format": 0}


def test_the_last_answer_counts(task: Task, problem: Problem) -> None:
    completion = f"<answer>{problem.answer}</answer><answer>no</answer>"
    assert score(completion, problem, task, RewardConfig(), ended=True).parts["accuracy"] == 0


def test_a_cut_off_completion_has_not_the_form(task: Task, problem: Problem) -> None:
    completion = f"<think>so</think><answer>{problem.answer}</answer>"
    assert score(completion, problem, task, RewardConfig(), ended=False).parts["format"] == 0

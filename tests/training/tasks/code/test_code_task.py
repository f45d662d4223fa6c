"""Code tasks: what is run, what passes, and which tricks do not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training import sandbox
from training.config import CodeTaskConfig, ConfigError, resolve
from training.rewards import Candidate, RewardPool
from training.sandbox import Limits, SandboxError
from training.tasks import Problem, Task, TaskError, build_task
from training.tasks.code.checks import code_of

ROOT = Path(__file__).resolve().parents[4]
HUMANEVAL = ROOT.parent / "shared" / "data" / "humaneval" / "HumanEval.jsonl.gz"

OURS: list[dict[str, Any]] = [
    {
        "task_id": f"ours/{number}",
        "prompt": "from typing import List\n\n\ndef helper(n):\n    return n + 1\n\n\n"
        f'def add_{number}(values: List[int]) -> List[int]:\n    """Add {number} to each."""\n',
        "entry_point": f"add_{number}",
        "canonical_solution": f"    return [value + {number} for value in values]\n",
        "test": "def check(candidate):\n    assert candidate([helper(0), 2]) == "
        f"[{1 + number}, {2 + number}]\n    assert candidate([]) == []\n",
    }
    for number in range(40)
]
"""A sample of our own making, in HumanEval's form."""

SQUARES = {
    "prompt": "Print the square of each number.",
    "tests": [{"input": "2\n3\n", "output": "4\n9"}, {"input": "", "output": ""}],
}


def refused() -> bool:
    """Whether this machine has no sandbox; then a code task has to be refused, which is tested."""
    if sandbox.refusal() is None:
        return False
    with pytest.raises(TaskError, match=r"task\.type: code is only run in a sandbox"):
        build_task(CodeTaskConfig(path="nowhere.jsonl"))
    return True


def code_task(path: Path, rows: list[dict[str, Any]], **settings: Any) -> Task:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return build_task(CodeTaskConfig(path=str(path), held_out_path=str(path), **settings))


def problem_of(task: Task, prompt: str) -> Problem:
    every = task.held_out_problems(1)
    assert prompt in every[0].question
    return every[0]


@pytest.mark.parametrize("path", [HUMANEVAL, None])
def test_canonical_solutions_pass_and_nothing_else_does(path: Path | None, tmp_path: Path) -> None:
    """Of HumanEval where it is at hand, and always of a sample of our own making."""
    if refused():
        return
    if path is None or not path.is_file():
        path = tmp_path / "ours.jsonl.gz"
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in OURS)
    task = build_task(CodeTaskConfig(path=str(path), held_out_path=str(path)))
    for problem in task.held_out_problems(3):
        prompt, solution = problem.entry["prompt"], problem.answer
        assert prompt in problem.question
        assert task.is_right(f"Here it is:\n```python\n{prompt}{solution}```\nDone.", problem)
        assert task.is_right(solution.strip(), problem)  # only what follows on the prompt
        assert not task.is_right(f"{prompt}    return 12345\n", problem)
        assert not task.is_right("", problem)


TRICKS = {
    "leaving early": "import sys\nsys.exit(0)",
    "leaving at once": "import os\nos._exit(0)",
    "leaving in the call": "def add_0(values):\n    raise SystemExit(0)",
    "equal to everything": """
class Same(list):
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
class Any:
    __eq__ = lambda self, other: True
def add_0(values):
    return Any() if values else Same()
""",
    "a list that lies": """
class Same(list):
    __eq__ = lambda self, other: True
def add_0(values):
    return Same([5])
""",
    "taking the tests away": """
import builtins
builtins.AssertionError = Exception
def check(candidate): pass
def add_0(values): return None
""",
    "a pickle that runs code": """
import os
class Evil:
    def __reduce__(self): return (os._exit, (0,))
def add_0(values): return Evil()
""",
    "reading the tests": """
import sys, os
def add_0(values):
    os.lseek(0, 0, 0)
    return eval(os.read(0, 10**6))
""",
    "ending the tests": "import os, signal\nos.kill(os.getppid(), signal.SIGTERM)",
    "never ending": "while True: pass",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_passes_no_test(trick: str, tmp_path: Path) -> None:
    if refused():
        return
    task = code_task(tmp_path / "ours.jsonl", OURS[:1], seconds=1)
    assert not task.is_right(TRICKS[trick], problem_of(task, "add_0"))


@pytest.mark.parametrize(
    "solution",
    [
        "def add_0(values):\n    print('thinking')\n    return [v for v in values]",
        "class Box(list):\n    pass\n\ndef add_0(values):\n    return Box(values)",
        "from collections import deque\n\ndef add_0(values):\n    return list(deque(values))",
        (
            "def inner(v):\n    return helper(v) - 1\n\ndef add_0(values: List[int]):\n"
            "    return [inner(value) for value in values]"
        ),
    ],
)
def test_honest_ways_of_writing_it_pass(solution: str, tmp_path: Path) -> None:
    if refused():
        return
    task = code_task(tmp_path / "ours.jsonl", OURS[:1])
    assert task.is_right(solution, problem_of(task, "add_0"))


@pytest.mark.parametrize(
    ("raised", "expected", "right"),
    [("ValueError('no')", "ValueError", True), ("KeyError(1)", "ValueError", False)],
)
def test_tests_may_expect_an_error(raised: str, expected: str, right: bool, tmp_path: Path) -> None:
    if refused():
        return
    test = (
        f"def check(candidate):\n    try:\n        candidate(1)\n    except {expected}:\n"
        "        return\n    assert False\n"
    )
    row = {"prompt": "def f(x):\n", "entry_point": "f", "test": test}
    task = code_task(tmp_path / "a.jsonl", [row])
    assert task.is_right(f"def f(x):\n    raise {raised}", problem_of(task, "def f")) is right


@pytest.mark.parametrize(
    ("program", "right"),
    [
        ("import sys\nfor line in sys.stdin:\n    print(int(line) ** 2, '')", True),
        ("```\nimport sys\n[print(int(x) ** 2) for x in sys.stdin]\nexit()\n```", True),
        ("print(4)\nprint(9)", False),  # right for the first test alone
        ("import sys\nfor line in sys.stdin:\n    print(int(line) ** 2)\nsys.exit(1)", False),
        ("this is no program", False),
    ],
)  # fmt: skip
def test_a_program_is_right_when_all_its_tests_pass(
    program: str, right: bool, tmp_path: Path
) -> None:
    if refused():
        return
    task = code_task(tmp_path / "a.jsonl", [SQUARES])
    assert task.is_right(program, problem_of(task, "the square")) is right


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("x = 1", "x = 1"),
        ("First:\n```python\nx = 1\n```\nthen\n```py\nx = 2\n```", "x = 2\n"),
        ("```\nx = '```'\n```", "x = '```'\n"),
    ],
)
def test_the_last_fenced_block_is_the_code(answer: str, code: str) -> None:
    assert code_of(answer) == code


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": "a"}, r"task\.path: a\.jsonl, line 1 has no text in a field “entry_point”"),
        ({"prompt": "a", "tests": []}, r"line 1: tests has to be a list .* with one at least"),
        ({"prompt": "a", "tests": [{"input": 1, "output": "1"}]}, r"texts, not \{'input': 1"),
        ({"tests": SQUARES["tests"]}, r"line 1 has no text in a field “prompt”"),
    ],
)
def test_a_row_without_tests_is_told(row: dict[str, Any], told: str, tmp_path: Path) -> None:
    if refused():
        return
    with pytest.raises(TaskError, match=told):
        code_task(tmp_path / "a.jsonl", [row]).held_out_problems(1)


def test_without_a_sandbox_the_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "refusal", lambda: "namespaces: Operation not permitted")
    with pytest.raises(TaskError) as refusal:
        build_task(CodeTaskConfig(path="a.jsonl"))
    assert str(refusal.value).startswith(
        "task.type: code is only run in a sandbox, and this machine allows none (namespaces: "
    )


def test_a_sandbox_that_fails_is_no_wrong_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refused():
        return
    task = code_task(tmp_path / "a.jsonl", [SQUARES])
    problem = problem_of(task, "the square")
    monkeypatch.setattr(sandbox, "run", _fails)
    with pytest.raises(SandboxError, match="no memory left"):
        task.is_right("print(1)", problem)


def _fails(program: str, *, stdin: str = "", limits: Limits | None = None) -> None:
    raise SandboxError("no memory left")


def test_programs_are_scored_by_the_pool(tmp_path: Path) -> None:
    if refused():
        return
    path = tmp_path / "a.jsonl"
    problem = problem_of(code_task(path, [SQUARES]), "the square")
    right = "import sys\nfor line in sys.stdin: print(int(line) ** 2)"
    texts = [f"<think>so</think><answer>{program}</answer>" for program in (right, "print(5)")]
    config = resolve(None, {
        "task": {"type": "code", "path": str(path), "held_out_path": str(path)},
    }).config  # fmt: skip
    with RewardPool(config.task, config.reward) as pool:
        pool.submit(0, problem, [Candidate(text, 9, 99, ended=True) for text in texts])
        rewards = pool.collect()[0]
    assert [reward.parts["accuracy"] for reward in rewards] == [1.0, 0.0]
    assert not any(reward.errors for reward in rewards)


@pytest.mark.parametrize(
    "where",
    [
        lambda code: {"task": code},
        lambda code: {"task": {"type": "mixture", "parts": [{"task": code}]}},
        lambda code: {"evaluation": {"sets": [{"name": "code", "task": code}]}},
    ],
)
def test_programs_need_time_before_their_worker_is_killed(
    where: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    code = {"type": "code", "path": "a.jsonl", "seconds": 4}
    with pytest.raises(ConfigError, match=r"reward\.timeout_s: Programs may take 12 s"):
        resolve(None, where(code))
    assert resolve(None, {**where(code), "reward": {"timeout_s": 60}}).config.reward.timeout_s == 60

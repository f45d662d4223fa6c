"""Whether a program passes its tests: all of them, in the sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import sandbox
from training.sandbox import Limits

_FENCED = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_HARNESS = Path(__file__).with_name("harness.py")


def code_of(answer: str) -> str:
    """The last fenced block of an answer, or all of it where there is none."""
    blocks = _FENCED.findall(answer)
    return str(blocks[-1]) if blocks else answer


def passes_unit_tests(code: str, row: Mapping[str, Any], limits: Limits) -> bool:
    """HumanEval's kind: `test` defines `check(candidate)`, which is called with the function
    `entry_point`. The code is that function, or what follows on the row's `prompt`.

    Raises SandboxError when nothing could be run.
    """
    prompt, entry_point = row["prompt"], row["entry_point"]
    stub = _closed(prompt)
    whole = re.search(rf"^(async )?def {re.escape(entry_point)}\b", code, re.MULTILINE)
    given = {
        "solution": f"{stub}\n\n{code}" if whole else prompt + _indented(code),
        "stub": stub,
        "test": row["test"],
        "entry_point": entry_point,
    }
    program = _HARNESS.read_text(encoding="utf-8")
    return sandbox.run(program, stdin=json.dumps(given), limits=limits).reason == "ok"


def passes_input_tests(code: str, row: Mapping[str, Any], limits: Limits) -> bool:
    """Competitive programming's kind: the code is a program; each of `tests` has an `input` and
    the `output` it has to print, but for space at the ends of lines and of the whole.

    Stops at the first test that fails. Raises SandboxError when nothing could be run.
    """
    for test in row["tests"]:
        outcome = sandbox.run(code, stdin=test["input"], limits=limits)
        if outcome.reason != "ok" or _lines(outcome.stdout) != _lines(test["output"]):
            return False
    return True


def _closed(prompt: str) -> str:
    """The prompt as source by itself: a function that has no docstring yet gets a body."""
    try:
        compile(prompt, "prompt", "exec")
    except SyntaxError:
        return f"{prompt.rstrip()}\n    pass\n"
    return prompt


def _indented(body: str) -> str:
    """A function's body whose first line lost its indent when the answer was stripped."""
    return body if body[:1].isspace() else f"    {body}"


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]

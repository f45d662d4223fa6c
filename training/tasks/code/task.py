"""Python to be written: HumanEval's functions, and programs that read input and print output."""

from __future__ import annotations

from collections.abc import Mapping

from training import sandbox
from training.config import CodeTaskConfig
from training.sandbox import MIB, OUTPUT, Limits
from training.tasks.code.checks import code_of, passes_input_tests, passes_unit_tests
from training.tasks.file import RowsTask
from training.tasks.problem import Comparison, Problem, TaskError, rated
from training.tasks.rows import Row, Rows

_FUNCTION = "Complete this Python function. The answer is the whole function.\n\n"
_PROGRAM = (
    "\n\nThe answer is a whole Python program that reads standard input and prints to standard "
    "output."
)


class CodeTask(RowsTask):
    """A row has `prompt`, and either `entry_point` and `test`, or `tests`: see `checks`."""

    def __init__(self, config: CodeTaskConfig, field: str) -> None:
        """Raises TaskError where this machine allows no sandbox: nothing runs outside of one."""
        super().__init__(config, field)
        self._limits = Limits(seconds=config.seconds, memory=config.memory_mib * MIB)
        reason = sandbox.refusal()
        if reason is not None:
            raise TaskError(
                f"{field}.type: code is only run in a sandbox, and this machine allows none "
                f"({reason}). docs/sandbox.md says what it needs."
            )

    def is_right(self, answer: str, problem: Problem) -> bool:
        """Raises SandboxError when the program could not be run."""
        passes = passes_unit_tests if "entry_point" in problem.entry else passes_input_tests
        return passes(code_of(answer), problem.entry, self._limits)

    def comparison(self, problem: Problem) -> Comparison:  # noqa: ARG002 - the same for all
        return "none"

    def read(self, rows: Rows, number: int, row: Row) -> Problem:
        prompt = self.text(rows, number, row, "path", "prompt")
        where = rows.where(number)
        if "tests" in row:
            self._check_tests(where, row["tests"])
            question, names = f"{prompt.rstrip()}{_PROGRAM}", ["tests"]
        else:
            names = ["prompt", "entry_point", "test"]
            for name in names[1:]:
                self.text(rows, number, row, "path", name)
            question = f"{_FUNCTION}{prompt}"
        solution = row.get("canonical_solution")
        return Problem(
            question,
            solution if isinstance(solution, str) else "",
            {name: row[name] for name in names},
            id=where,
            task=self._name,
            rated=rated(row),
        )

    def _check_tests(self, where: str, tests: object) -> None:
        wanted = f"{self._field}.path: {where}: tests has to be a list of input and output, texts"
        if not isinstance(tests, list) or not tests:
            raise TaskError(f"{wanted}, with one at least.")
        for test in tests:
            if not isinstance(test, Mapping) or not all(
                isinstance(test.get(name), str) for name in ("input", "output")
            ):
                raise TaskError(f"{wanted}, not {test!r:.100}.")
            if len(test["output"].encode()) > OUTPUT:
                raise TaskError(f"{wanted} of at most {OUTPUT // MIB} MiB.")

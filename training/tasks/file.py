"""Problems from a file of prompts and answers, on this machine or on the Hugging Face hub.

The file is read through once for its questions, so that a wrong line is told before training and
what is held out is known; of each row a number is kept. Epochs follow one another without end, each
in an order of its own (`permutation.shuffled`).
"""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from training.config import FileTaskConfig, FromFilesConfig, task_name
from training.tasks.curriculum import PassRates
from training.tasks.decontamination import Evaluated, LeftOut
from training.tasks.permutation import shuffled
from training.tasks.problem import (
    Comparison,
    Measured,
    Problem,
    Task,
    TaskError,
    is_held_out,
    number_of,
    rated,
)
from training.tasks.rows import JoinedRows, Row, Rows, RowsError, open_rows
from training.tasks.sources import find_files
from training.tasks.verifiers import VERIFIERS, gsm8k_parsed

_ATTEMPTS = 64
"""How many problems to look at for one that the curriculum wants, before taking the first."""


class _Index(NamedTuple):
    rows: Rows
    training: array[int]
    """Numbers of the rows to train on."""
    apart: Rows
    """Where the held-out rows are: the same rows, or those of a file of their own."""
    held_out: dict[int, int]
    """Digest of each held-out question → number of its row."""


class RowsTask(Task):
    """The rows of one or several files; what a row asks is the subclass's own.

    Nothing is read before the first problem is asked for: a process that only verifies answers
    never reads them.
    """

    def __init__(self, config: FromFilesConfig, field: str) -> None:
        self._config, self._field = config, field
        self._name = task_name(config)
        self._rates = PassRates(config.curriculum) if config.curriculum else None

    def training_problem(self, seed: int, index: int) -> Problem:
        """Under a curriculum, one that it wants in the place of one that it does not."""
        rows, training, _, _ = self._index
        if not training:  # fine for who only evaluates
            path = self._config.path
            what = f"all {len(rows)} questions of {path} are held out" if len(rows) else "no rows"
            raise TaskError(f"{self._field}.path: there is nothing to train on: {what}.")
        epoch, place = divmod(index, len(training))
        orders = (f"{seed}/{epoch}/{attempt}" for attempt in range(_ATTEMPTS))
        candidates = (training[shuffled(place, len(training), order)] for order in orders)
        first = next(candidates)
        if self._rates is None or self._rates.wants(rows.where(first), epoch):
            return self._problem(rows, first)
        wanted = (number for number in candidates if self._rates.wants(rows.where(number), epoch))
        return self._problem(rows, next(wanted, first))

    def held_out_problems(self, count: int) -> list[Problem]:
        numbers, size = list(self._index.held_out.values()), len(self._index.held_out)
        if count > size:
            apart = self._config.held_out_path
            more = "" if apart else f", or name a file of them by {self._field}.held_out_path"
            raise TaskError(
                f"evaluation.problems: {count} held-out problems are asked for, "
                f"{apart or self._config.path} has {size}: lower it{more}."
            )
        chosen = (numbers[shuffled(place, size, "held out")] for place in range(count))
        return [self._problem(self._index.apart, number) for number in chosen]

    def is_held_out(self, question: str) -> bool:
        if self._config.held_out_path is None:
            return is_held_out(question)
        return number_of(question) in self._index.held_out

    def leave_out(self, evaluated: Evaluated) -> LeftOut:
        rows, training, apart, held_out = self._index
        found, kept = LeftOut(problems=len(training)), array("Q")
        for number in training:
            match = evaluated.match(self._problem(rows, number))
            if match is None:
                kept.append(number)
            else:
                found.add(match)
        if not kept:
            raise TaskError(
                f"evaluation.decontaminate: all {len(training)} problems of {self._config.path} "
                f"have {evaluated.ngram} words in a row in common with an evaluation's, such as "
                f"“{found.examples[0].words}”; raise it, or take other problems."
            )
        self._index = _Index(rows, kept, apart, held_out)
        return found

    @abstractmethod
    def read(self, rows: Rows, number: int, row: Row) -> Problem:
        """The problem of a row. Raises TaskError for a row that is none."""

    def observe(self, measured: Sequence[Measured]) -> None:
        if self._rates is not None:
            self._rates.observe((each.id, each.pass_rate) for each in measured)

    def state(self) -> dict[str, Any]:
        return self._rates.state() if self._rates else {}

    def restore(self, state: dict[str, Any]) -> None:
        if self._rates is not None:
            self._rates.restore(state)

    def metrics(self) -> dict[str, float]:
        return self._rates.metrics() if self._rates else {}

    @cached_property
    def _index(self) -> _Index:
        path, apart = self._config.path, self._config.held_out_path
        rows = self._open(path, "path")
        held_out: dict[int, int] = {}
        training = array("Q")
        elsewhere = None if apart is None else self._open(apart, "held_out_path")
        for number, question in self._questions(elsewhere):
            held_out.setdefault(number_of(question), number)
        for number, question in self._questions(rows):
            digest = number_of(question)
            if elsewhere is None and is_held_out(question):
                held_out.setdefault(digest, number)
            elif digest not in held_out:
                training.append(number)
        return _Index(rows, training, elsewhere or rows, held_out)

    def _open(self, path: str, setting: str) -> Rows:
        field = f"{self._field}.{setting}"
        try:
            return JoinedRows([open_rows(file) for file in find_files(self._config, path, field)])
        except (RowsError, OSError) as error:
            raise TaskError(f"{field}: {error}") from error

    def _questions(self, rows: Rows | None) -> Iterator[tuple[int, str]]:
        """Number and question of every row; each is checked whole."""
        if rows is None:
            return
        try:
            for number, row in enumerate(rows):
                yield number, self.read(rows, number, row).question
        except RowsError as error:
            raise TaskError(f"{self._field}.path: {error}") from error

    def _problem(self, rows: Rows, number: int) -> Problem:
        return self.read(rows, number, rows[number])

    def text(self, rows: Rows, number: int, row: Row, setting: str, name: str) -> str:
        """A row's field, or the sentence that names the `setting` that is wrong."""
        try:
            return text_at(row, name)
        except LookupError as error:
            raise TaskError(
                f"{self._field}.{setting}: {rows.where(number)} has no text in a field “{name}”; "
                f"its fields are {', '.join(map(str, row))}."
            ) from error


class FileTask(RowsTask):
    """Prompts and answers."""

    def __init__(self, config: FileTaskConfig, field: str) -> None:
        super().__init__(config, field)
        self._fields = config.question_field, config.answer_field
        self._verifier = config.verifier
        self._reference, self._verify = VERIFIERS[config.verifier]

    def is_right(self, answer: str, problem: Problem) -> bool:
        return self._verify(answer, problem.answer)

    def parsed(self, answer: str, problem: Problem) -> str | None:  # noqa: ARG002 - by the text alone
        return gsm8k_parsed(answer) if self._verifier == "gsm8k" else answer

    def comparison(self, problem: Problem) -> Comparison:  # noqa: ARG002 - the same for all
        return "verifier"

    def read(self, rows: Rows, number: int, row: Row) -> Problem:
        question_field, answer_field = self._fields
        question = self.text(rows, number, row, "question_field", question_field)
        answer = self.text(rows, number, row, "answer_field", answer_field)
        try:
            reference = self._reference(answer)
        except ValueError as error:
            raise TaskError(
                f"{self._field}.verifier: {rows.where(number)}: the field "
                f"“{answer_field}” {error}, which {self._verifier} asks for."
            ) from error
        where, hard = rows.where(number), rated(row)
        return Problem(question, reference, id=where, task=self._name, rated=hard)


def text_at(row: Row, path: str) -> str:
    """The text or number of a field; dots lead into nested ones, `messages.0.content`.

    Raises LookupError where there is none.
    """
    found: object = row
    for part in [path] if path in row else path.split("."):
        if isinstance(found, list) and part.isdecimal():
            found = found[int(part)]
        elif isinstance(found, dict):
            found = found[part]
        else:
            raise LookupError(part)
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise LookupError(path)  # noqa: TRY004 - for the caller the same as a missing field
    return str(found)

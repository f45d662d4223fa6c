"""Completions that somebody has written, as tokens.

A row has `prompt` and `completion`, texts as they are, or `messages` of a chat that ends with the
assistant's. Rows are read when they are needed, in an order of their own in each epoch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from training.tasks import TaskError
from training.tasks.permutation import shuffled
from training.tasks.rows import Row, Rows, RowsError, open_rows
from training.tasks.template import r1_prompt
from training.tokenizer import TextTokenizer


class Example(NamedTuple):
    prompt: list[int]
    completion: list[int]
    """The end token included."""


class Examples:
    """All rows of some files, in an endless row of epochs."""

    def __init__(
        self, files: Mapping[str, Path], tokenizer: TextTokenizer, directory: Path, seed: int
    ) -> None:
        """`files` by the config field that names them; `directory` holds the tokenizer. Raises
        TaskError."""
        self._tokenizer, self._directory, self._seed = tokenizer, directory, seed
        self._files = [_opened(field, path) for field, path in files.items()]
        self._ends = list(accumulate(map(len, self._files)))
        self._chat: Callable[[Sequence[Mapping[str, str]]], tuple[str, str]] | None = None
        for field, rows in zip(files, self._files, strict=True):
            if not len(rows):
                raise TaskError(f"{field}: The file has no row: there is nothing to learn from.")
            self._example(rows, 0, field)

    def __len__(self) -> int:
        """Rows of one epoch."""
        return self._ends[-1]

    def at(self, place: int) -> Example:
        """Example number `place` of the endless row, from 0. Raises TaskError for a row that is
        not what it should be."""
        epoch, within = divmod(place, len(self))
        number = shuffled(within, len(self), f"sft/{self._seed}/{epoch}")
        file = bisect_right(self._ends, number)
        rows = self._files[file]
        return self._example(rows, number - (self._ends[file - 1] if file else 0), "data")

    def _example(self, rows: Rows, number: int, field: str) -> Example:
        try:
            row = rows[number]
            prompt, completion = self._texts(row)
        except (KeyError, TypeError, ValueError) as error:  # RowsError is a ValueError
            raise TaskError(
                f"{field}: {rows.where(number)} has neither prompt and completion nor messages "
                f"({error})."
            ) from error
        tokens = self._tokenizer.encode(completion)
        return Example(self._tokenizer.encode_prompt(prompt), [*tokens, self._tokenizer.eos_id])

    def _texts(self, row: Row) -> tuple[str, str]:
        if "messages" not in row:
            prompt, completion = row["prompt"], row["completion"]
            if not (isinstance(prompt, str) and isinstance(completion, str)):
                raise TypeError("both have to be text")
            return prompt, completion
        if self._chat is None:
            self._chat = chat_texts(self._directory)
        return self._chat(row["messages"])


def chat_texts(directory: Path) -> Callable[[Sequence[Mapping[str, str]]], tuple[str, str]]:
    """Makes prompt and completion of a chat: by the tokenizer's own chat template, or else by R1's,
    which has room for one question."""
    from transformers import AutoTokenizer  # noqa: PLC0415 - takes seconds; few files have chats

    chat: Any = AutoTokenizer.from_pretrained(directory)

    def texts(messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
        *before, last = messages
        if last["role"] != "assistant":
            raise TypeError("the last message is not the assistant's")
        if chat.chat_template:
            prompt = chat.apply_chat_template(before, tokenize=False, add_generation_prompt=True)
            return str(prompt), last["content"]
        questions = [each["content"] for each in before if each["role"] == "user"]
        if len(questions) != 1:
            raise TypeError("R1's template has room for one question")
        return r1_prompt(questions[0]), last["content"]

    return texts


def _opened(field: str, path: Path) -> Rows:
    try:
        return open_rows(path)
    except (OSError, RowsError) as error:
        raise TaskError(f"{field}: {path} cannot be read ({error}).") from error

"""Collects the labelled texts: `python -m benchmarks.machine_written.collect MODEL OUT`.

MODEL is SmolLM2-135M-Instruct as `benchmarks/smollm2_directory.py` writes it; OUT becomes a JSONL
file of `text`, `machine`, `kind` and `half`. People wrote Python's own reference and docstrings
(Python Software Foundation License) and a story of 1889 (public domain, in the package
reasoning-gym); SmolLM2 answers prompts on the same matters, or goes on from a person's beginning.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path
from pydoc_data.topics import topics
from random import Random
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

SHORTEST, LONGEST = 45, 160
"""Words of a text that a person wrote."""
EACH = 48
"""Texts of each kind."""
BATCH = 16
MODULES = (
    "argparse", "asyncio", "collections", "concurrent.futures", "contextlib", "csv", "datetime",
    "decimal", "difflib", "doctest", "email.message", "enum", "fractions", "functools", "heapq",
    "html.parser", "http.client", "inspect", "itertools", "json", "logging", "mailbox",
    "multiprocessing.pool", "optparse", "os", "pathlib", "pickle", "pprint", "random", "re",
    "shutil", "smtplib", "socket", "sqlite3", "statistics", "string", "subprocess", "tarfile",
    "tempfile", "textwrap", "threading", "timeit", "traceback", "turtle", "typing", "unittest",
    "urllib.request", "uuid", "weakref", "xml.etree.ElementTree", "zipfile",
)  # fmt: skip
MATTERS = (
    "how a Python decorator works", "list comprehensions in Python", "sockets and timeouts",
    "what garbage collection does", "reading a CSV file", "why floating point rounds",
    "newspapers in the year 2889", "a city lit by electricity", "travel by pneumatic tube",
    "a physician of the far future", "the history of bridges", "how bread is baked",
    "why the sea is salt", "how a steam engine works", "the life of bees", "learning to swim",
    "what a library is for", "choosing a bicycle", "the rules of chess", "a storm at sea",
)  # fmt: skip
FORMS = (
    "Explain {} in a paragraph.", "Tell me about {}.", "Write a short text on {}.",
    "What should a beginner know about {}?",
)  # fmt: skip


def main() -> None:
    model, out = sys.argv[1], Path(sys.argv[2])
    torch.manual_seed(0)
    people = {"reference": _reference(), "docstring": _docstrings(), "story": _story()}
    rows = [_row(text, kind) for kind, found in people.items() for text in _some(found)]
    writer = _Writer(model)
    prompts = [form.format(matter) for matter in MATTERS for form in FORMS]
    answers = writer.answers(Random(0).sample(prompts, EACH))  # noqa: S311 - texts, not secrets
    openings = [" ".join(row["text"].split()[:15]) for row in rows[::3]][:EACH]
    rows += [_row(text, "answer") for text in answers]
    rows += [_row(text, "continuation") for text in writer.write(openings)]
    with out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _row(text: str, kind: str) -> dict[str, Any]:
    half = hashlib.sha256(text.encode()).digest()[0] % 2
    machine = kind in {"answer", "continuation"}
    return {"text": text, "machine": machine, "kind": kind, "half": ("rules", "measured")[half]}


def _some(texts: Iterator[str]) -> list[str]:
    """Of the right length, in an order by chance."""
    fit = {text for text in texts if SHORTEST <= len(text.split()) <= LONGEST}
    return Random(0).sample(sorted(fit), min(EACH, len(fit)))  # noqa: S311 - likewise


def _reference() -> Iterator[str]:
    for text in topics.values():
        yield from _paragraphs(text)


def _docstrings() -> Iterator[str]:
    for name in MODULES:
        module = importlib.import_module(name)
        for _, each in inspect.getmembers(module):
            yield from _paragraphs(inspect.getdoc(each) or "") if callable(each) else ()


def _story() -> Iterator[str]:
    name = "reasoning_gym/data/in_the_year_2889.txt"
    text = Path(str(distribution("reasoning-gym").locate_file(name))).read_text(encoding="utf-8")
    story = text.partition("IN THE YEAR 2889.")[2].partition("*** END")[0]
    yield from _paragraphs(story)


def _paragraphs(text: str) -> Iterator[str]:
    """Neighbouring paragraphs together, until they are long enough."""
    gathered: list[str] = []
    for paragraph in text.split("\n\n"):
        gathered.append(paragraph.strip("\n"))
        if sum(len(each.split()) for each in gathered) >= SHORTEST:
            yield "\n\n".join(gathered)
            gathered = []


class _Writer:
    """The model, sampled at temperature 0.8 and top-k 50."""

    def __init__(self, directory: str) -> None:
        self._tokenizer: Any = AutoTokenizer.from_pretrained(directory, padding_side="left")
        self._model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16)

    def answers(self, questions: Sequence[str]) -> list[str]:
        chats = [
            self._tokenizer.apply_chat_template(
                [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
            )
            for question in questions
        ]
        return self.write(chats)

    def write(self, prompts: Sequence[str]) -> list[str]:
        """What it writes after each, without the prompt."""
        written = []
        for start in range(0, len(prompts), BATCH):
            inputs = self._tokenizer(
                prompts[start : start + BATCH], return_tensors="pt", padding=True
            )
            tokens = self._model.generate(
                **inputs, do_sample=True, temperature=0.8, top_k=50, max_new_tokens=80
            )
            fresh = tokens[:, inputs["input_ids"].shape[1] :]
            written += self._tokenizer.batch_decode(fresh, skip_special_tokens=True)
            sys.stderr.write(f"{len(written)} of {len(prompts)}\n")
        return [text.strip() for text in written]


if __name__ == "__main__":
    main()

"""Estimates which share of a set of texts looks machine-written, with the known error of that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from training.events import ScanRecord
from training.provenance.scan.estimate import KnownError, corrected
from training.provenance.scan.rules import looks_machine_written, points_of
from training.tasks.file import text_at
from training.tasks.rows import Rows
from training.words import terms, words

MOST = 5000
"""Texts of a dataset that are looked at, evenly spread over it."""
SHORTEST = 30
"""Words of a text; of shorter ones the error is not known."""
ERROR = Path(__file__).with_name("known_error.json")


@cache
def known_error() -> KnownError:
    """As benchmarks/machine_written measured it."""
    return KnownError(**json.loads(ERROR.read_text(encoding="utf-8"))["all"])


def scan(texts: Sequence[str]) -> tuple[ScanRecord, Counter[str]]:
    """The estimate, and how many of the judged texts each rule has given points."""
    judged = [text for text in texts if is_of_known_kind(text)]
    points = points_of(judged)
    flagged = sum(map(looks_machine_written, points))
    share = corrected(flagged, len(judged), known_error()) if judged else None
    record = ScanRecord(
        texts=len(texts), judged=len(judged), flagged=flagged,
        share=share and share.share, low=share and share.low, high=share and share.high,
    )  # fmt: skip
    return record, Counter(name for each in points for name in each)


def scan_rows(rows: Rows, field: str) -> ScanRecord:
    return scan(list(texts_of(rows, field)))[0]


def texts_of(rows: Rows, field: str) -> Iterable[str]:
    """Raises LookupError for a row without text in that field."""
    every = max(1, -(-len(rows) // MOST))
    return (text_at(rows[number], field) for number in range(0, len(rows), every))


def is_of_known_kind(text: str) -> bool:
    """Whether it is of the kind that the error was measured on: Latin script, and long enough. That
    it is English prose is not looked at."""
    found = words(text)
    latin = sum(script == "latin" for script, _ in found)
    return len(terms(text)) >= SHORTEST and latin > 0.9 * len(found) > 0

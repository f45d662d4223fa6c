"""Rows of JSONL and Parquet files, any of them by its number, without holding them in memory."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO, Any, Protocol

Row = Mapping[str, Any]
_ROW_GROUPS_BYTES = 256 * 2**20
"""What is kept of the row groups of a Parquet file that were read last."""


class RowsError(ValueError):
    """A file cannot be read; the message names it, and the line."""


class Rows(Protocol):
    """The rows of one file."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Row: ...

    def __iter__(self) -> Iterator[Row]:
        """All rows in order, read through once."""

    def where(self, number: int) -> str:
        """File and line of a row, for people."""


def open_rows(path: Path) -> Rows:
    """By the file's name: .parquet, .jsonl, .json or .ndjson (a JSON object a line), these also
    with .gz. Raises RowsError."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".parquet"]:
        return ParquetRows(path)
    kind = suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]
    if kind and kind[0] in {".jsonl", ".json", ".ndjson"}:
        return JsonLines(path, packed=suffixes[-1] == ".gz")
    raise RowsError(f"{path} is neither .jsonl (or .jsonl.gz) nor .parquet.")


class JsonLines:
    """One pass finds where each line begins: 16 bytes a row are all that is remembered.

    A packed file is unpacked into a nameless temporary file first, as gzip cannot skip.
    """

    def __init__(self, path: Path, *, packed: bool) -> None:
        self._path = path
        self._file = _unpacked(path) if packed else path.open("rb")
        weakref.finalize(self, self._file.close)
        self._offsets, self._lines = array("Q"), array("Q")
        offset = 0
        for number, line in enumerate(self._file, start=1):
            if line.strip():
                self._offsets.append(offset)
                self._lines.append(number)
            offset += len(line)

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: int) -> Row:
        self._file.seek(self._offsets[number])
        return self._parsed(number, self._file.readline())

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        number = 0
        for line in self._file:
            if line.strip():
                yield self._parsed(number, line)
                number += 1

    def where(self, number: int) -> str:
        return f"{self._path.name}, line {self._lines[number]}"

    def _parsed(self, number: int, line: bytes) -> Row:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RowsError(f"{self.where(number)} is not valid JSON: {error}.") from error
        if not isinstance(row, Mapping):
            raise RowsError(f"{self.where(number)} is not a JSON object with named fields.")
        return row


class ParquetRows:
    """Reads row groups as they are asked for; the last ones stay, up to 256 MiB."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa  # noqa: PLC0415 - only who has such files waits for it
        from pyarrow import parquet  # noqa: PLC0415 - likewise

        self._path = path
        try:
            self._file = parquet.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise RowsError(f"{path.name} is not a Parquet file: {error}.") from error
        weakref.finalize(self, self._file.close)
        groups = range(self._file.num_row_groups)
        sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts = [0, *accumulate(sizes)]
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, number: int) -> Row:
        group = bisect_right(self._starts, number) - 1
        row: Row = self._group(group).slice(number - self._starts[group], 1).to_pylist()[0]
        return row

    def __iter__(self) -> Iterator[Row]:
        for batch in self._file.iter_batches(batch_size=1024):
            yield from batch.to_pylist()

    def where(self, number: int) -> str:
        return f"{self._path.name}, row {number + 1}"

    def _group(self, group: int) -> Any:
        if group in self._kept:
            self._kept.move_to_end(group)
            return self._kept[group]
        found = self._kept[group] = self._file.read_row_group(group)
        while sum(table.nbytes for table in self._kept.values()) > _ROW_GROUPS_BYTES:
            if len(self._kept) == 1:
                break
            self._kept.popitem(last=False)
        return found


class JoinedRows:
    """Several files, one after the other."""

    def __init__(self, files: Sequence[Rows]) -> None:
        self._files = files
        self._starts = [0, *accumulate(map(len, files))]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, number: int) -> Row:
        file, place = self._find(number)
        return file[place]

    def __iter__(self) -> Iterator[Row]:
        for file in self._files:
            yield from file

    def where(self, number: int) -> str:
        file, place = self._find(number)
        return file.where(place)

    def _find(self, number: int) -> tuple[Rows, int]:
        which = bisect_right(self._starts, number) - 1
        return self._files[which], number - self._starts[which]


def _unpacked(path: Path) -> IO[bytes]:
    whole = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as its rows are
    try:
        with gzip.open(path) as packed:
            shutil.copyfileobj(packed, whole)
    except (OSError, EOFError) as error:
        whole.close()
        raise RowsError(f"{path.name} is not a gzip file: {error}.") from error
    whole.seek(0)
    return whole

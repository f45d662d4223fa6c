"""safetensors files, read and written a tensor at a time: memory holds the tensor in hand, no file.

A file is the length of its header (8 bytes, little endian), the header (JSON: name to dtype, shape
and place in what follows), and the tensors' bytes without gaps. Source: the format's description in
huggingface/safetensors. Nothing is mapped into memory, so a process that loads a model never shows
it twice, and a tensor of the right dtype is read straight to where it belongs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F8_E4M3": torch.float8_e4m3fn,
}
"""The dtypes of a model's weights, widest first: the order of the tensors in a file."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_RANKS = {dtype: rank for rank, dtype in enumerate(DTYPES.values())}
CHUNK_BYTES = 1 << 20
"""What is converted or compared is read in pieces of about this size."""
_HEADER_LIMIT = 100_000_000
"""The format's own limit: a longer header is a damaged file."""


class CheckpointError(ValueError):
    """A directory cannot be read as a model; the message names the file or tensor."""


@dataclass(frozen=True)
class Stored:
    """One tensor in a file: `offset` is its first byte, counted from the start of the file."""

    file: Path
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        return _size(self.dtype, self.shape)

    def read_into(self, destination: Tensor) -> None:
        """Copy to `destination`, of the same shape and on the CPU, whatever its dtype and strides.

        Raises `CheckpointError` when the file ends too early.
        """
        if destination.dtype == self.dtype and destination.is_contiguous():
            with self._open() as file:
                self._fill(file, destination)
            return
        for start, rows in self.chunks():
            destination[start : start + len(rows)].copy_(rows)

    def equals(self, tensor: Tensor) -> bool:
        """Whether `tensor` holds the same, after conversion to its dtype."""
        return self.shape == tuple(tensor.shape) and all(
            torch.equal(rows.to(tensor.dtype), tensor[start : start + len(rows)])
            for start, rows in self.chunks()
        )

    def chunks(self, multiple: int = 1) -> Iterator[tuple[int, Tensor]]:
        """First row and rows of consecutive pieces, whose lengths are multiples of `multiple`.

        Each piece lies where the one before it lay.
        """
        rows, row_shape = self.shape[0], self.shape[1:]
        row_bytes = max(math.prod(row_shape) * self.dtype.itemsize, 1)
        step = max(CHUNK_BYTES // (row_bytes * multiple), 1) * multiple
        buffer = torch.empty((min(step, rows), *row_shape), dtype=self.dtype)
        with self._open() as file:
            for start in range(0, rows, step):
                piece = buffer[: min(step, rows - start)]
                self._fill(file, piece)
                yield start, piece

    def _open(self) -> FileIO:
        file = FileIO(self.file)
        file.seek(self.offset)
        return file

    def _fill(self, file: FileIO, contiguous: Tensor) -> None:
        left = memoryview(_bytes_of(contiguous))
        while left:
            count = file.readinto(left)
            if not count:
                raise CheckpointError(f"{self.file} ends within {self.name}: it is cut off")
            left = left[count:]


def read_header(file: Path) -> dict[str, Stored]:
    """The tensors of a file. Raises `CheckpointError` for one that is damaged or cut off."""
    try:
        return _parse(file)
    except FileNotFoundError as error:
        raise CheckpointError(f"{file} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{file} cannot be read as safetensors: {error}") from error


def _parse(file: Path) -> dict[str, Stored]:
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        if not 2 <= length <= _HEADER_LIMIT:
            raise ValueError(f"its header would be {length} bytes long")
        header = json.loads(content.read(length))
    header.pop("__metadata__", None)
    found = {name: _entry(file, name, entry, 8 + length) for name, entry in header.items()}
    end = 8 + length
    for stored in sorted(found.values(), key=lambda stored: (stored.offset, stored.size)):
        if stored.offset != end:
            raise ValueError(f"{stored.name} does not begin where the tensor before it ends")
        end += stored.size
    if end != file.stat().st_size:
        raise ValueError(f"it has {file.stat().st_size} bytes, its header asks for {end}")
    return found


def _entry(file: Path, name: str, entry: dict[str, Any], base: int) -> Stored:
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"{name} is stored as {entry['dtype']}, need one of {', '.join(DTYPES)}")
    begin, end = entry["data_offsets"]
    stored = Stored(file, name, DTYPES[entry["dtype"]], tuple(entry["shape"]), base + begin)
    if end - begin != stored.size:
        raise ValueError(f"{name} has not the size of its shape")
    return stored


class Writer:
    """Writes one file, tensors in any order:

    with Writer(path, {"a": (torch.float32, (2, 3))}) as out:
        out.put("a", tensor)
    """

    def __init__(
        self, path: Path, layout: Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
    ) -> None:
        ordered = sorted(layout, key=lambda name: (_RANKS[layout[name][0]], name))
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name in ordered:
            dtype, shape = layout[name]
            begin, end = end, end + _size(dtype, shape)
            header[name] = {
                "dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [begin, end]
            }  # fmt: skip
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # so that the tensors' bytes are aligned
        self._layout = dict(layout)
        self._offsets = {name: 8 + len(text) + header[name]["data_offsets"][0] for name in ordered}
        self._file = path.open("wb")
        self._file.write(len(text).to_bytes(8, "little") + text)

    def put(self, name: str, tensor: Tensor) -> None:
        """Write one tensor of the layout."""
        if self._layout.pop(name) != (tensor.dtype, tuple(tensor.shape)):
            raise ValueError(f"{name} is not of the dtype and shape that were announced")
        self._file.seek(self._offsets[name])
        self._file.write(_bytes_of(tensor.detach().cpu().contiguous()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None and self._layout:
            raise ValueError(f"{min(self._layout)} was never written")


def _bytes_of(contiguous: Tensor) -> Any:
    """The memory of a tensor on the CPU as an array of bytes."""
    return contiguous.reshape(-1).view(torch.uint8).numpy()


def _size(dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * dtype.itemsize

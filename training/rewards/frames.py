"""Messages over a pipe: four bytes of length, big endian, then so many bytes."""

from __future__ import annotations

import os
import struct

_LENGTH = struct.Struct(">I")


def write_frame(fd: int, payload: bytes) -> None:
    """Blocks until all is written. Raises BrokenPipeError when nobody reads any more."""
    rest = memoryview(_LENGTH.pack(len(payload)) + payload)
    while rest:
        rest = rest[os.write(fd, rest) :]


class FrameReader:
    """The frames of a pipe, one after another, whatever pieces they arrive in."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._bytes = bytearray()

    def take(self) -> bytes | None:
        """The next frame that has arrived whole, without waiting."""
        if len(self._bytes) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._bytes)[0]
        if len(self._bytes) < end:
            return None
        frame = bytes(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return frame

    def fill(self) -> bool:
        """Wait for more bytes; False at the end of the pipe."""
        piece = os.read(self.fd, 1 << 16)
        self._bytes += piece
        return bool(piece)

    def read(self) -> bytes | None:
        """The next frame, waiting for it; None at the end of the pipe."""
        while (frame := self.take()) is None:
            if not self.fill():
                return None
        return frame

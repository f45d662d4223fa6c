"""What trainer and sampler say to each other: frames over a socket.

A frame is a JSON object, followed by the bytes of a tensor where it announces one. The trainer
asks, the sampler answers; nothing is sent unasked. Imports the standard library only: it runs in
vLLM's environment too.

| the trainer sends | the sampler answers |
|---|---|
| `open` with the model's config.json and how to run it | `opened` with versions and limits |
| `load` with a policy version, a `tensor` each, `end` | `loaded` with version and fingerprint |
| `generate` with prompts, seeds and settings | a `completion` each, `beat` now and then, `end` |

Instead of any answer `error` may come, with a sentence; the connection ends after it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import socket
import struct
from typing import Any

VERSION = 1
"""Of this protocol; both ends must have the same."""
LONGEST_HEADER = 1 << 30
_LENGTHS = struct.Struct(">QQ")
_PIECE = 1 << 24
"""Bytes handed to the socket at once."""
_HANDSHAKE = 1 << 10

Header = dict[str, Any]


class WireError(OSError):
    """The other end is gone, silent, or does not speak this protocol."""


class Connection:
    """Frames over a connected stream socket."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._waiting = 0
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            stream.setsockopt(socket.SOL_SOCKET, option, _PIECE)

    def send(self, header: Header, body: memoryview | None = None) -> None:
        """Raises WireError when the other end is gone or takes nothing for the time allowed."""
        text = json.dumps(header).encode()
        size = 0 if body is None else body.nbytes
        try:
            self._stream.sendall(_LENGTHS.pack(len(text), size) + text)
            for start in range(0, size, _PIECE):
                self._stream.sendall((body or memoryview(b""))[start : start + _PIECE])
        except OSError as error:
            raise WireError(_why(error)) from error

    def receive(self, longest: int = LONGEST_HEADER) -> Header:
        """The next frame's header; `receive_body` takes what follows it. Raises WireError."""
        if self._waiting:
            raise WireError("a frame's body was not taken")
        lengths = bytearray(_LENGTHS.size)
        self._fill(memoryview(lengths))
        length, self._waiting = _LENGTHS.unpack(lengths)
        if length > longest:
            raise WireError(f"a header of {length} bytes: the other end is no sampler of ours")
        text = bytearray(length)
        self._fill(memoryview(text))
        try:
            header = json.loads(text)
        except ValueError as error:
            raise WireError("a header that is no JSON") from error
        if not isinstance(header, dict):
            raise WireError("a header that is no JSON object")
        return header

    def receive_body(self, buffer: memoryview) -> None:
        """Fill `buffer`, which is as long as the body. Raises WireError."""
        if buffer.nbytes != self._waiting:
            raise WireError(f"a body of {self._waiting} bytes, where {buffer.nbytes} belong")
        self._waiting = 0
        self._fill(buffer)

    def allow(self, seconds: float | None) -> None:
        """How long the other end may be silent from now on; None: for ever."""
        self._stream.settimeout(seconds)

    def close(self) -> None:
        self._stream.close()

    def _fill(self, buffer: memoryview) -> None:
        have = 0
        while have < buffer.nbytes:
            try:
                got = self._stream.recv_into(buffer[have : have + _PIECE])
            except OSError as error:
                raise WireError(_why(error)) from error
            if not got:
                raise WireError("the other end closed the connection")
            have += got


def _why(error: OSError) -> str:
    return "no answer in the time allowed" if isinstance(error, TimeoutError) else str(error)


def prove(connection: Connection, token: str, *, caller: bool) -> None:
    """Both ends show that they know the token, without sending it: each answers the other's
    random challenge. Raises WireError for a wrong answer."""
    mine = secrets.token_hex(16)
    connection.send({"protocol": VERSION, "challenge": mine})
    hello = connection.receive(_HANDSHAKE)
    if hello.get("protocol") != VERSION:
        raise WireError(f"the other end speaks protocol {hello.get('protocol')}, not {VERSION}")
    theirs = str(hello.get("challenge"))
    roles = ("caller", "sampler") if caller else ("sampler", "caller")
    connection.send({"proof": _proof(token, roles[0], theirs, mine)})
    answer = str(connection.receive(_HANDSHAKE).get("proof"))
    if not hmac.compare_digest(answer.encode(), _proof(token, roles[1], mine, theirs).encode()):
        raise WireError("the other end has another token")


def _proof(token: str, role: str, challenge: str, own: str) -> str:
    text = f"{role}/{challenge}/{own}".encode()
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()


def split_address(address: str) -> tuple[str, int]:
    """HOST:PORT; an IPv6 host stands in brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)

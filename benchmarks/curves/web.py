"""Asks a server as a browser does: over a connection that stays, compressed when it will."""

from __future__ import annotations

import gzip
import http.client
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Answer:
    seconds: float
    """From the request to the last byte."""
    bytes: int
    """Of the body, as they came."""
    body: bytes


class Browser:
    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)
        self._headers = {"Accept-Encoding": "gzip", **(headers or {})}

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: bytes, kind: str = "application/json") -> Answer:
        return self._ask("POST", path, body, {"Content-Type": kind})

    def _ask(
        self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        try:
            return self._once(method, path, sent, headers)
        except (ConnectionError, http.client.HTTPException):  # closed after some idle seconds
            self._connection.close()
            return self._once(method, path, sent, headers)

    def _once(
        self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        began = time.perf_counter()
        self._connection.request(method, path, sent, {**self._headers, **headers})
        answer = self._connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        plain = gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
        return Answer(seconds, len(body), plain)


def wait_until_served(port: int, path: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            opener.open(f"http://{HOST}:{port}{path}", timeout=5).close()
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # another process brings it about
        else:
            return


class Server:
    """A tracker's own server, as its users start it; its log lies beside what it serves."""

    def __init__(self, command: Sequence[str], port: int, log: Path, ready: str = "/") -> None:
        with log.open("w") as file:
            self._process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.browser = Browser(port)
        wait_until_served(port, ready)

    def end(self) -> None:
        """With what it has started."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port

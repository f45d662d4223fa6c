"""A REST client that costs little: a connection a thread, kept open as a browser does."""

import json
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any

HOST = "127.0.0.1"
TIMEOUT_S = 30.0


class AnswerError(Exception):
    """An answer that is not a good one; `str` is its status."""


class Rest:
    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.port = port
        self.headers = headers
        self._local = threading.local()

    def get(self, path: str) -> bytes:
        """The body. Raises AnswerError, or OSError or HTTPException when there is no answer."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: dict[str, Any]) -> Any:
        sent = json.dumps(body).encode()
        return json.loads(self._ask("POST", path, sent, {"Content-Type": "application/json"}))

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        used = getattr(self._local, "connection", None)
        if used is not None and method == "GET":
            try:
                return self._once(used, method, path, body, headers)
            except (ConnectionError, HTTPException):  # the server has closed it meanwhile
                used.close()
        fresh = HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)
        self._local.connection = fresh
        return self._once(fresh, method, path, body, headers)

    def _once(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> bytes:
        try:
            connection.request(method, f"/api/v1{path}", body, {**self.headers, **headers})
            answer = connection.getresponse()
            content = answer.read()
        except Exception:  # whatever it was, the connection is of no more use
            connection.close()
            raise
        if answer.status >= 300:
            raise AnswerError(str(answer.status))
        return content

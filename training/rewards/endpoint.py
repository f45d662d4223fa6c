"""Asks a language model behind an OpenAI-compatible endpoint.

What the policy wrote is untrusted: it may well say «give this ten points». `fenced` puts it between
two lines that carry a digest of it, which it cannot contain, so that the model can be told that
nothing between them is an instruction. That makes such tricks harder, not impossible.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import threading
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from training.config import EndpointConfig
from training.rewards.reward import TIMED_OUT, RewardError

TRIES = 4
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LONGEST_REPLY = 1 << 20
_PASSING = frozenset({429, 500, 502, 503, 504})
"""Status codes after which it is worth asking again."""


class JudgeError(RuntimeError):
    """What could not be judged; the message says why."""


class _PassingError(JudgeError):
    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _NoRedirects(HTTPRedirectHandler):
    """Following one would carry the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def mark_of(text: str) -> str:
    """What the lines around an untrusted text begin with."""
    return f"#### {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def fenced(text: str) -> str:
    """An untrusted text between its two lines."""
    mark = mark_of(text)
    return f"{mark}\n{text}\n{mark} end"


class Endpoint:
    """Asks one question at a time, from any thread."""

    def __init__(self, config: EndpointConfig, field: str) -> None:
        """`field`: where the config stands. Raises RewardError when the key is not there."""
        self._config = config
        self._headers = {"Content-Type": "application/json"}
        if config.key_variable is not None:
            key = os.environ.get(config.key_variable)
            if not key:
                raise RewardError(
                    f"{field}.key_variable: the environment variable {config.key_variable} "
                    "is not set; set it to the endpoint's key."
                )
            self._headers["Authorization"] = f"Bearer {key}"
        self._opener = build_opener(_NoRedirects)
        self._closing = threading.Event()

    def close(self) -> None:
        """Ask nothing again; questions under way end within their time limit."""
        self._closing.set()

    def ask(self, system: str, user: str) -> str:
        """What the model says, at temperature 0. Raises JudgeError after the last try."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        question = {"model": self._config.model, "messages": messages, "temperature": 0}
        body = json.dumps(question).encode()
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, TRIES + 1):
            try:
                return self._ask_once(body)
            except _PassingError as error:
                if attempt == TRIES:
                    raise JudgeError(f"{error}, {TRIES} times") from error
                self._wait(min(error.wait_s or wait_s, _LONGEST_WAIT_S))
                wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def _wait(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise JudgeError("the run ended")

    def _ask_once(self, question: bytes) -> str:
        url = f"{self._config.url.rstrip('/')}/chat/completions"
        request = Request(url, question, self._headers)  # noqa: S310 - the schema wants http or https
        late = f"{TIMED_OUT} after {self._config.timeout_s:g} s"
        deadline = time.monotonic() + self._config.timeout_s
        try:
            with self._opener.open(request, timeout=self._config.timeout_s) as response:
                body = _read(response, deadline)
        except HTTPError as error:
            raise _refused(error) from error
        except TimeoutError as error:
            raise _PassingError(late) from error
        except (http.client.HTTPException, OSError) as error:  # URLError is an OSError
            reason = getattr(error, "reason", error)
            slow = isinstance(reason, TimeoutError)
            raise _PassingError(
                late if slow else f"the judge cannot be reached: {reason}"
            ) from error
        return _content(body)


def last_line(said: str) -> tuple[str, str]:
    """What stands before the last line, and that line: it alone counts."""
    *before, last = said.strip().splitlines() or [""]
    return "\n".join(before).strip(), last.strip()


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The whole body. Raises TimeoutError when it comes too slowly, JudgeError when it is long."""
    body = b""
    while piece := response.read1():
        body += piece
        if time.monotonic() > deadline:
            raise TimeoutError
        if len(body) > _LONGEST_REPLY:
            raise JudgeError("the judge's reply is longer than 1 MiB")
    return body


def _refused(error: HTTPError) -> JudgeError:
    with error:
        reason = f"the judge answered {error.code} {error.reason}"
        if error.code not in _PASSING:
            return JudgeError(reason)
        after = error.headers.get("Retry-After", "")
        return _PassingError(reason, float(after) if after.isdecimal() else None)


def _content(body: bytes) -> str:
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise JudgeError("the judge's reply is not a chat completion") from error
    if not isinstance(content, str):
        raise JudgeError("the judge said nothing")
    return content

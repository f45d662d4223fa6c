"""Lines of the log: which request, run and attempt they belong to, and JSON where it is wanted."""

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

from django.http import HttpRequest, HttpResponse

from r1web.tracing import annotate

HEADER = "X-Request-ID"
FIT = re.compile(r"[A-Za-z0-9._-]{1,64}")

NONE: Mapping[str, int | str] = MappingProxyType({})

_context: ContextVar[Mapping[str, int | str]] = ContextVar("log_context", default=NONE)


@contextmanager
def about(**ids: int | str) -> Iterator[None]:
    """What is logged within bears these ids, besides those around it; so does what is traced."""
    token = _context.set({**_context.get(), **ids})
    annotate(ids)
    try:
        yield
    finally:
        _context.reset(token)


class AddContext(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.ids = _context.get()
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, error, and the ids around it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class RequestIdMiddleware:
    """Takes the request's id from the proxy, or makes one; logs and the answer bear it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if FIT.fullmatch(given) else uuid.uuid4().hex
        with about(request=request_id):
            response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response

"""Everything that goes wrong in the API leaves as RFC 9457 problem details."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from r1web.errors import PROBLEM_JSON, ProblemError, problem
from training.config import ConfigError, Problem

logger = logging.getLogger(__name__)

CODES = {400: "malformed_json", 404: "not_found", 405: "method_not_allowed"}


class FieldProblem(Schema):
    path: str
    message: str
    code: str


class ProblemOut(Schema):
    """RFC 9457 problem details; `errors` names each field at fault."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]


ERRORS = frozenset({401, 403, 404, 409, 422})
"""Declared for every operation: `response={200: X, ERRORS: ProblemOut}`."""


def answer(status: int, code: str, detail: str, errors: Sequence[Problem] = ()) -> JsonResponse:
    body = problem(status, code, detail, errors)
    response = JsonResponse(body, status=status, content_type=PROBLEM_JSON)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def install(api: NinjaAPI) -> None:
    """Give the API its one way of saying no."""
    handlers: dict[type[Exception], Callable[..., JsonResponse]] = {
        ProblemError: _problem,
        ConfigError: _config,
        ValidationError: _validation,
        AuthenticationError: _unauthenticated,
        HttpError: _http,
        Http404: _not_found,
        RequestDataTooBig: _too_big,
        OperationalError: _database_away,
        InterfaceError: _database_away,
        Exception: _ours,
    }
    for kind, handler in handlers.items():
        api.exception_handler(kind)(handler)


def _problem(request: HttpRequest, error: ProblemError) -> JsonResponse:  # noqa: ARG001
    return answer(error.status, error.code, error.detail, error.errors)


def _config(request: HttpRequest, error: ConfigError) -> JsonResponse:  # noqa: ARG001
    return answer(422, "invalid_config", str(error), error.problems)


def _validation(request: HttpRequest, error: ValidationError) -> JsonResponse:  # noqa: ARG001
    found = [_field_problem(details) for details in error.errors]
    return answer(422, "invalid", "; ".join(str(item) for item in found), found)


def _field_problem(details: dict[str, Any]) -> Problem:
    place = [str(part) for part in details["loc"]]
    # ninja puts the kind of parameter first, and for a body the name of the argument.
    path = ".".join(place[2:] if place[0] == "body" else place[1:])
    if details["type"] == "extra_forbidden":
        return Problem(path, f"There is no field “{path[:80]}” here: remove it.", "unknown_field")
    if details["type"] == "missing" and not path:
        return Problem(path, "A JSON object is needed as the body.", "missing")
    return Problem(path, f"{details['msg'].rstrip('.')}.", details["type"])


def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> JsonResponse:  # noqa: ARG001
    return answer(401, "not_authenticated", "Sign in, or send a token: Authorization: Bearer ….")


def _http(request: HttpRequest, error: HttpError) -> JsonResponse:  # noqa: ARG001
    status = error.status_code
    detail = "The body is not JSON: correct it." if status == 400 else str(error)
    return answer(status, CODES.get(status, "error"), detail)


def _not_found(request: HttpRequest, error: Http404) -> JsonResponse:  # noqa: ARG001
    return answer(404, "not_found", f"There is nothing at {request.path[:200]}.")


def _too_big(request: HttpRequest, error: RequestDataTooBig) -> JsonResponse:  # noqa: ARG001
    return answer(413, "too_large", "The body is larger than 1 MB: send less.")


def _database_away(request: HttpRequest, error: Exception) -> JsonResponse:
    logger.error("%s %s: the database does not answer: %s", request.method, request.path, error)
    detail = "The database does not answer. Training goes on; ask again in a moment."
    return answer(503, "database_away", detail)


def _ours(request: HttpRequest, error: Exception) -> JsonResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return answer(500, "internal", "Something went wrong here; the server's log says what.")

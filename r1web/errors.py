"""What a caller can get wrong. One handler turns these into RFC 9457 problem details."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from training.config import Problem

PROBLEM_JSON = "application/problem+json"


class ProblemError(Exception):
    """A caller's mistake: `detail` is one sentence that says what to do, `path` names the field."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"

    def __init__(
        self,
        detail: str,
        *,
        path: str = "",
        code: str | None = None,
        errors: Sequence[Problem] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors = list(errors) or ([Problem(path, detail, self.code)] if path else [])


class UnauthenticatedError(ProblemError):
    status = HTTPStatus.UNAUTHORIZED
    code = "not_authenticated"


class ForbiddenError(ProblemError):
    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFoundError(ProblemError):
    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class ConflictError(ProblemError):
    status = HTTPStatus.CONFLICT
    code = "conflict"


class InvalidError(ProblemError):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"


def problem(
    status: int, code: str, detail: str, errors: Sequence[Problem] = (), **extra: Any
) -> dict[str, Any]:
    """The body of a problem answer (RFC 9457)."""
    return {
        "type": f"urn:r1web:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "errors": [{"path": e.path, "message": e.message, "code": e.code} for e in errors],
        **extra,
    }

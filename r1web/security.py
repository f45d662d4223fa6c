"""Content-Security-Policy: the app runs only what it shipped; each answer has its own nonce."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

BASE = (
    "default-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
)
# The admin's theme evaluates expressions written in its templates (Alpine.js).
ADMIN = BASE + "script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
# The page of the API's documentation sets styles from its script.
DOCS = BASE + "script-src 'self'; style-src 'self' 'unsafe-inline'"
APP = BASE + "script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'"


class ContentSecurityPolicyMiddleware:
    """Sets the header, unless a view has set a stricter one; `request.csp_nonce` is what an inline
    script has to bear."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        policy = _policy(request.path).format(nonce=nonce)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response


def _policy(path: str) -> str:
    if path.startswith("/admin/"):
        return ADMIN
    return DOCS if path == "/api/v1/docs" else APP

"""The last word below /api/: what Django itself answers there becomes problem details, too."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from r1web.api.errors import answer
from r1web.errors import PROBLEM_JSON

logger = logging.getLogger(__name__)

DETAILS = {
    400: ("bad_request", "The request cannot be read: check its address and headers."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address: /api/v1/docs lists what there is."),
    405: ("method_not_allowed", "This address does not know that method: see /api/v1/docs."),
    500: ("internal", "Something went wrong here; the server's log says what."),
}


class ProblemMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        plain = response.headers.get("Content-Type") not in {PROBLEM_JSON, "application/json"}
        known = DETAILS.get(response.status_code)
        if not (request.path.startswith("/api/") and plain and known):
            return response
        changed = answer(response.status_code, *known)
        if allowed := response.headers.get("Allow"):
            changed["Allow"] = allowed
        return changed

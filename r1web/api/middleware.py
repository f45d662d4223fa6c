"""The last word below /api/: what Django itself answers there becomes problem details, too."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from r1web.api.errors import answer

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
        known = DETAILS.get(response.status_code)
        if known is None or not request.path.startswith("/api/") or _is_json(response):
            return response
        changed = answer(response.status_code, *known)
        if allowed := response.headers.get("Allow"):
            changed["Allow"] = allowed
        return changed


def _is_json(response: HttpResponse) -> bool:
    return "json" in response.headers.get("Content-Type", "")

"""Counts what this process answers, and how long that took."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS = Counter(
    "r1web_http_requests",
    "Requests answered by this process.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
SECONDS = Histogram(
    "r1web_http_request_seconds",
    "Time to the answer's first byte.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MeasureMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        route = _route(request)
        SECONDS.labels(method, route).observe(time.perf_counter() - started)
        REQUESTS.labels(method, route, response.status_code).inc()
        return response


def _route(request: HttpRequest) -> str:
    """The pattern that matched: an address would make a series of every run."""
    match = request.resolver_match
    if match is None:
        return "none"  # static files, and what was turned away before it got to a view
    return match.view_name if match.route.startswith("^") else match.route

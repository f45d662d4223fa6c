"""/metrics, for this machine or whoever has the token."""

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from r1web.api.errors import answer
from r1web.operations.monitoring.requests import REGISTRY
from r1web.operations.monitoring.state import StateCollector

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")
CLOSED = (
    "Metrics are for programs on this machine, or with R1WEB_METRICS_TOKEN as a Bearer token: set "
    "it, and send it as Authorization: Bearer …."
)

STATE = CollectorRegistry()
STATE.register(StateCollector())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        return answer(403, "forbidden", CLOSED)
    body = generate_latest(STATE) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """With a token set, whoever sends it. Without, a program of this machine: behind a proxy
    everybody comes from there, so a request that was passed on does not count."""
    token: str = settings.R1WEB_METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:  # a socket without an address
        return False

"""One trace leads from a request over the queue into the supervisor, to a collector."""

import json
import secrets
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.conftest import run_product
from tests.e2e.product import Product
from tests.r1web.receiver import Receiver, receiving
from tests.r1web.waiting import until

pytestmark = pytest.mark.e2e

WAY = {"POST api/v1/runs", "run/cluster.schedule", "run/cluster.launch", "supervise"}


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def product(collector: Receiver, tmp_path: Path) -> Iterator[Product]:
    yield from run_product(
        tmp_path,
        DJANGO_SETTINGS_MODULE="tests.e2e.scripted.settings",
        R1WEB_DEMO="0",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url.removesuffix("/hook"),
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )


def spans(collector: Receiver) -> Iterator[tuple[str, str, dict[str, Any], list[str]]]:
    """Trace, name, attributes (the resource's too) and names of events of all that were sent."""
    for path, _, body in list(collector.requests):
        assert path == "/v1/traces"
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = attributes(group.resource.attributes)
            for span in (span for scope in group.scope_spans for span in scope.spans):
                events = [event.name for event in span.events]
                named = resource | attributes(span.attributes)
                yield span.trace_id.hex(), span.name, named, events


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def start_run(product: Product, trace: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{product.url}/api/v1/runs",
        json.dumps({"preset": "r1-zero-nano", "config": {"grpo": {"steps": 2}}}).encode(),
        {
            "Authorization": f"Bearer {product.token}",
            "Content-Type": "application/json",
            "X-Request-ID": f"id-of-{trace}",
            "traceparent": f"00-{trace}-00f067aa0ba902b7-01",
        },
    )
    with urllib.request.urlopen(request) as answer:
        return dict(json.load(answer))


def test_a_request_is_followed_into_the_supervisor(product: Product, collector: Receiver) -> None:
    urllib.request.urlopen(product.link).close()  # a one-time secret, in the address
    for tries in count(1):
        trace = secrets.token_hex(16)
        run = start_run(product, trace)
        ours: dict[str, dict[str, Any]] = {}
        told: dict[str, list[str]] = {}

        def supervised(run: int = run["id"]) -> bool:
            return any(
                name == "supervise" and named.get("r1web.run_id") == run
                for _, name, named, _ in spans(collector)
            )

        until(supervised)
        for of, name, named, events in spans(collector):
            if of == trace:
                ours[name], told[name] = named, events
        if ours.keys() >= WAY:
            break
        # Beat's own tick was faster than the message that the request sent, and began a trace.
        assert tries < 5, sorted(ours)
    request, supervise = ours["POST api/v1/runs"], ours["supervise"]
    assert request["r1web.request_id"] == f"id-of-{trace}"
    assert (request["service.name"], request["deployment.environment.name"]) == ("r1web", "test")
    assert "state" in told["POST api/v1/runs"]
    assert supervise["r1web.attempt_id"] == ours["run/cluster.launch"]["r1web.attempt_id"]
    assert told["supervise"].count("state") == 2  # running, finished
    assert product.link.rsplit("/", 1)[1] not in str([body for *_, body in collector.requests])

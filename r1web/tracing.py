"""Traces by OpenTelemetry, where its own environment variables ask for them.

No part of it is loaded from here until then. The SDK itself reads the variables that say where
traces go, how many, and under which name; here is only what r1web adds: its ids, and the way from a
request through Celery's messages into the supervisor's process.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTERS = ("otlp", "console", "none")
LINKS = "/signin/"
"""Addresses that hold a one-time secret are never traced."""

_on = False


def exporters() -> list[str]:
    """Those that the environment asks for; none of them: there are no traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    default = "otlp" if any(os.environ.get(name) for name in ENDPOINTS) else "none"
    given = os.environ.get("OTEL_TRACES_EXPORTER") or default
    names = [name.strip().lower() for name in given.split(",")]
    if unknown := set(names) - set(EXPORTERS):
        raise ImproperlyConfigured(
            f"OTEL_TRACES_EXPORTER names {', '.join(sorted(unknown))}: "
            f"take some of {', '.join(EXPORTERS)}."
        )
    protocol = next(filter(None, map(os.environ.get, PROTOCOLS)), "http/protobuf")
    if "otlp" in names and protocol != "http/protobuf":
        raise ImproperlyConfigured(
            f"r1web sends traces by http/protobuf, not by {protocol}: take that, and your "
            "collector's port for HTTP, which is often 4318."
        )
    return [name for name in names if name != "none"]


def start(*, requests: bool = False) -> None:
    """Trace what this process does, if that is asked for: its tasks and, in the web, requests.

    Raises ImproperlyConfigured.
    """
    global _on  # noqa: PLW0603 - a process traces or does not
    wanted = exporters()
    if not wanted or _on:
        return
    from opentelemetry import trace  # noqa: PLC0415 - see above
    from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "r1web"}))
    provider = TracerProvider(resource=resource)
    for name in wanted:
        provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]  # it has no types
    if requests:
        _trace_requests()
    _on = True


def connect(app: Celery) -> None:
    """Workers and beat begin to trace when they start."""
    worker_init.connect(lambda **_: start(), weak=False, dispatch_uid=f"{app.main}.trace.worker")
    beat_init.connect(lambda **_: start(), weak=False, dispatch_uid=f"{app.main}.trace.beat")


def annotate(ids: Mapping[str, int | str]) -> None:
    """Note on what is traced now which request, run or attempt it is about."""
    if _on:
        _current().set_attributes({f"r1web.{name}_id": value for name, value in ids.items()})


def event(name: str, **fields: int | str) -> None:
    """Note on what is traced now that this happened within it."""
    if _on:
        _current().add_event(name, {f"r1web.{key}": value for key, value in fields.items()})


def for_child() -> dict[str, str]:
    """What another process needs to go on with what is traced now: W3C's traceparent."""
    if not _on:
        return {}
    from opentelemetry.propagate import inject  # noqa: PLC0415

    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier


@contextmanager
def continued(name: str, carrier: Mapping[str, str]) -> Iterator[None]:
    """Trace what is done within, as a part of what `for_child` told."""
    start()
    if not _on:
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.propagate import extract  # noqa: PLC0415

    parent = extract(carrier)
    with trace.get_tracer("r1web").start_as_current_span(name, context=parent):
        yield


def _current() -> "Span":
    from opentelemetry import trace  # noqa: PLC0415

    return trace.get_current_span()


def _exporter(name: str) -> "SpanExporter":
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def _trace_requests() -> None:
    from opentelemetry.instrumentation.django import DjangoInstrumentor  # noqa: PLC0415

    given = os.environ.get("OTEL_PYTHON_DJANGO_EXCLUDED_URLS") or os.environ.get(
        "OTEL_PYTHON_EXCLUDED_URLS", ""
    )
    excluded = ",".join(filter(None, [given, LINKS]))
    DjangoInstrumentor().instrument(response_hook=_name_run, excluded_urls=excluded)


def _name_run(span: "Span", request: "HttpRequest", _response: "HttpResponse") -> None:
    """The run that a request's address names."""
    match = request.resolver_match
    if match is not None and "run_id" in match.kwargs:
        span.set_attribute("r1web.run_id", match.kwargs["run_id"])

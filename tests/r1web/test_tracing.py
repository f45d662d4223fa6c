"""Traces are off until OpenTelemetry's own variables ask for them, and cost nothing until then."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from r1web import tracing

ENDPOINT = "http://127.0.0.1:4318"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, ["otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, ["otlp"]),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["console", "otlp"]),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, []),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}, []),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, []),
    ],
)
def test_the_environment_says_where_traces_go(
    given: dict[str, str], wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert tracing.exporters() == wanted


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "names zipkin: take some of otlp, console, none"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "by http/protobuf, not by grpc",
        ),
    ],
)
def test_what_cannot_be_had_is_said_at_the_start(
    given: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=says):
        tracing.start()


def test_without_them_nothing_that_traces_is_loaded(tmp_path: Path) -> None:
    program = (
        "import sys, r1web.asgi\n"
        "from r1web import tracing\n"
        "tracing.annotate({'run': 1}); tracing.event('x'); assert tracing.for_child() == {}\n"
        "traces = ('opentelemetry.sdk.trace', 'opentelemetry.instrumentation')\n"
        "print([name for name in sys.modules if name.startswith(traces)])"
    )
    environment = {**os.environ, "R1WEB_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"

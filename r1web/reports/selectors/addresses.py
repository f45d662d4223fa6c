"""Addresses of the data behind a report, absolute: a report leaves the site."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from django.conf import settings

from r1web.reports.document import Link


def page(run: int, tab: str = "") -> Link:
    return Link("run", f"{settings.R1WEB_PUBLIC_URL}/runs/{run}" + (f"?tab={tab}" if tab else ""))


def data(run: int, path: str, text: str, **query: str | int) -> Link:
    """An answer of the REST API about a run."""
    asked = f"?{urlencode(query, quote_via=quote, safe='/,*')}" if query else ""
    return Link(text, f"{settings.R1WEB_PUBLIC_URL}/api/v1/runs/{run}/{path}{asked}")


def shared(path: str, text: str) -> Link:
    return Link(text, f"{settings.R1WEB_PUBLIC_URL}/api/v1/{path}")


def series(run: int, names: Sequence[str]) -> list[Link]:
    """Every point of exactly these series, to be read by people and by programs."""
    joined = ",".join(names)
    return [
        data(run, "metrics/export", "CSV", names=joined),
        data(run, "metrics", "JSON", names=joined, max_points=10_000),
    ]


def event(run: int, seq: int, text: str = "event") -> Link:
    return data(run, "events", text, after_seq=seq - 1, limit=1)

"""What a first visit has to load before it shows anything: measured on the wire."""

import sys

import pytest
from playwright.sync_api import Response, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e

MOST_BYTES = 250_000
"""Compressed script and style, without what typesets formulas."""
TINY_BYTES = 200
"""What is as small is sent as it is: compressed it would be no smaller."""
FORMULAS = "katex"
"""Fetched by itself, after everything else is on the screen, when a completion has a formula."""


@pytest.mark.parametrize("path", ["/", "/runs/{run}", "/new"])
def test_a_first_visit_loads_little_script_and_style(
    path: str, scripted_pages: Pages, scripted_api: Api
) -> None:
    run = scripted_api.start("weighed", {"grpo": {"steps": 3}})
    scripted_api.await_end(run)
    page, _ = scripted_pages.new()
    answers: list[Response] = []
    # Playwright marks the function that it calls, which a method of a list does not bear.
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108

    page.goto(path.format(run=run))
    expect(page.get_by_role("main").locator("[class*=_skeleton_]")).to_have_count(0)
    page.wait_for_load_state("networkidle")

    kinds = {"script", "stylesheet"}
    loaded = [answer for answer in answers if answer.request.resource_type in kinds]
    sizes = {answer.url: answer.request.sizes()["responseBodySize"] for answer in loaded}
    total = sum(size for url, size in sizes.items() if FORMULAS not in url)
    figures = f"{total / 1000:.0f} kB, with formulas {sum(sizes.values()) / 1000:.0f} kB"
    sys.stdout.write(f"{path}: {figures} of script and style, compressed\n")
    assert loaded
    large = [answer for answer in loaded if sizes[answer.url] > TINY_BYTES]
    assert all(answer.headers.get("content-encoding") == "gzip" for answer in large)
    assert total <= MOST_BYTES

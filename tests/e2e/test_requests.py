"""What was answered is not asked again while it is fresh: a walk through the pages, on the wire."""

import datetime as dt
import re
from collections import Counter

import pytest
from playwright.sync_api import Page, Request, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.test_pages import TABS, await_content

pytestmark = pytest.mark.e2e

POLLED = re.compile(r"/health/ready$")
"""Asked every ten seconds: nothing tells the browser when the server ails."""


def walk(page: Page, run: int) -> None:
    """List, run, each of its tabs, back to the list, on to the run again, and the palette."""
    page.goto("/")
    page.get_by_role("link", name="walked through").first.click()
    expect(page.get_by_role("tab", name="Overview")).to_be_visible()
    await_content(page)
    for tab in TABS:
        page.get_by_role("tab", name=re.compile(tab, re.IGNORECASE)).click()
        await_content(page)
    page.get_by_role("tab", name="Overview").click()
    await_content(page)
    page.get_by_role("banner").get_by_role("link", name="Runs").click()
    await_content(page)
    page.go_back()
    await_content(page)
    page.go_forward()
    await_content(page)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option").filter(has_text=f"#{run}")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(f"/runs/{run}")  # the page anew: what it asks, it asks once
    await_content(page)


def test_nothing_that_was_answered_is_asked_again(scripted_pages: Pages, scripted_api: Api) -> None:
    run = scripted_api.start("walked through", {"grpo": {"steps": 30}})
    scripted_api.await_end(run)
    page, _ = scripted_pages.new()
    # The age of an answer is told by the clock, which stands still: nothing becomes stale.
    page.clock.set_fixed_time(dt.datetime.now(dt.UTC))
    asked: list[str] = []
    visits: list[list[str]] = []

    def note(request: Request) -> None:
        if request.is_navigation_request():
            visits.append([])
        elif "/api/" in request.url and request.method == "GET":
            asked.append(request.url)
            visits[-1].append(request.url)

    page.on("request", note)
    walk(page, run)
    assert len(visits) == 2
    for visit in visits:
        twice = [url for url, times in Counter(visit).items() if times > 1]
        assert [url for url in twice if not POLLED.search(url)] == []
    assert any(f"/runs/{run}/metrics" in url for url in asked)

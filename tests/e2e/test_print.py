"""A run on paper: its charts, what they say and its config, without what can only be pressed."""

import re

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.test_pages import await_content

pytestmark = pytest.mark.e2e

BRIGHTNESS = """canvas => {
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  let [sum, count] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] < 200) continue;
    sum += data[at] + data[at + 1] + data[at + 2];
    count += 3;
  }
  return count ? sum / count : 0;
}"""
"""Mean of what a chart has drawn, from 0 (black) to 255; most of it is grid, light on paper."""


@pytest.fixture(scope="module")
def printed_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("on paper", {"grpo": {"steps": 40}})
    api.await_end(run)
    api.requests.dispose()
    return run


def titles(pdf: bytes) -> list[str]:
    """The outline of a PDF: Chromium makes it of what is a heading on paper."""
    found = re.findall(rb"/Title\s*(?:\((.*?)\)|<FEFF([0-9A-Fa-f]*)>)", pdf, re.DOTALL)
    return [
        bytes.fromhex(coded.decode()).decode("utf-16-be") if coded else plain.decode("latin-1")
        for plain, coded in found
    ]


def sideways(page: Page) -> list[str]:
    """Elements of the page that stand out of the paper at the right."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter((one) => "
            "one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML)"
        )
    )


def test_a_run_is_printed_whole_and_without_its_controls(
    printed_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new(color_scheme="dark")
    page.goto(f"/runs/{printed_run}")
    await_content(page)
    charts = page.get_by_role("img").filter(has=page.locator("canvas"))
    expect(charts.first).to_be_visible()
    dark = charts.first.locator("canvas").evaluate(BRIGHTNESS)

    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without its margins
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="Config")).to_be_visible()
    for role in ("navigation", "button", "tablist", "search"):
        controls = page.get_by_role(role).filter(visible=True)  # type: ignore[arg-type]
        pressed = [one for one in controls.all() if one.get_attribute("aria-pressed") is None]
        assert [one.inner_text() for one in pressed] == [], role
    cards = page.get_by_role("main").locator("section[aria-labelledby]")
    expect(cards.locator("canvas")).to_have_count(cards.count())  # also those far below
    expect(page.get_by_text("group_size")).to_be_visible()
    expect(page.locator("body")).to_have_css(
        "background-color", re.compile("255, 255, 255|0, 0, 0, 0")
    )
    assert sideways(page) == []
    assert charts.first.locator("canvas").evaluate(BRIGHTNESS) > dark  # drawn anew, for paper

    pdf = page.pdf(format="A4", tagged=True, outline=True)
    printed = titles(pdf)
    for title in ("on paper", "Reward", "KL to reference", "Config", "grpo"):
        assert title in printed, printed


@pytest.mark.parametrize("tab", ["config", "logs", "checkpoints", "history", "alerts"])
def test_no_tab_is_cut_off_by_the_paper(tab: str, printed_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new(viewport={"width": 718, "height": 1000})
    page.goto(f"/runs/{printed_run}?tab={tab}")
    await_content(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    assert sideways(page) == []

"""Charts as people use them: a view that a link keeps, and what can be taken away from it."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def drawn_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("drawn", {"grpo": {"steps": 60}})
    assert api.await_end(run)["state"] == "finished"
    api.requests.dispose()
    return run


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def drag_over(page: Page, chart: Locator) -> None:
    """Zoom into the middle of a chart."""
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=4)
    page.mouse.up()


def choose_a_view(page: Page) -> None:
    page.get_by_label("Smoothing", exact=True).select_option("gaussian")
    page.get_by_label("Span of the smoothing").select_option("20")
    page.get_by_role("button", name="Cut outliers").click()
    card(page, "Reward").get_by_role("button", name="accuracy").click()
    card(page, "KL to reference").get_by_role("button", name="log").click()
    card(page, "Entropy").get_by_role("button", name="Show as a table").click()
    drag_over(page, card(page, "Reward").get_by_role("img"))
    page.get_by_role("button", name="Time", exact=True).click()


def expect_the_view(page: Page) -> None:
    expect(page.get_by_label("Smoothing", exact=True)).to_have_value("gaussian")
    expect(page.get_by_label("Span of the smoothing")).to_have_value("20")
    for name in ("Cut outliers", "Time"):
        pressed = page.get_by_role("button", name=name, exact=True)
        expect(pressed).to_have_attribute("aria-pressed", "true")
    hidden = card(page, "Reward").get_by_role("button", name="accuracy")
    expect(hidden).to_have_attribute("aria-pressed", "false")
    log = card(page, "KL to reference").get_by_role("button", name="log")
    expect(log).to_have_attribute("aria-pressed", "true")
    expect(card(page, "Entropy").get_by_role("table")).to_be_visible()
    expect(page.get_by_role("button", name="Whole run")).to_be_visible()
    expect(card(page, "Reward").get_by_text("all ")).to_be_visible()


def test_a_link_opens_the_view_that_it_was_copied_from(
    drawn_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{drawn_run}")
    choose_a_view(page)
    expect_the_view(page)
    rows = card(page, "Entropy").get_by_role("row").count()

    page.reload()
    expect_the_view(page)
    other, _ = scripted_pages.new()
    other.goto(page.url)
    expect_the_view(other)
    assert card(other, "Entropy").get_by_role("row").count() == rows


def test_a_fork_marks_where_it_left_its_parent_and_what_differs(
    drawn_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    changed = {"config": {"grpo": {"steps": 70, "kl_coef": 0.25}}}
    fork = scripted_api.post(f"/runs/{drawn_run}/fork", changed)["id"]
    assert scripted_api.await_end(fork)["state"] == "finished"
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{fork}?table=reward")
    oldest = card(page, "Reward").get_by_role("row").last
    expect(oldest).to_contain_text(f"forked from step 60 of drawn · #{drawn_run}:")
    expect(oldest).to_contain_text("grpo.kl_coef")
    expect(oldest).to_contain_text("→ 0.25")


@pytest.mark.parametrize(
    ("entry", "beginning"),
    [
        ("PNG picture", b"\x89PNG"),
        ("SVG picture", b"<svg "),
        ("CSV, every point", b"name,"),
        ("Parquet, every point", b"PAR1"),
    ],
)
def test_a_chart_is_saved_as_a_file(
    entry: str, beginning: bytes, drawn_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{drawn_run}")
    card(page, "Reward").get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=entry).click()
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(beginning)
    assert len(content) > 1000

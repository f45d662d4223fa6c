"""A run on paper: its charts, what they say and its config, without what can only be pressed."""

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.test_pages import await_content

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def printed_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("on paper", {"grpo": {"steps": 40}})
    api.await_end(run)
    api.requests.dispose()
    return run


def sideways(page: Page) -> list[str]:
    """Elements of the page that stand out of the paper at the right."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('main *')].filter((one) => "
            "one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML)"
        )
    )


@pytest.mark.parametrize("tab", ["config", "logs", "checkpoints", "history", "alerts"])
def test_no_tab_is_cut_off_by_the_paper(tab: str, printed_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new(viewport={"width": 718, "height": 1000})
    page.goto(f"/runs/{printed_run}?tab={tab}")
    await_content(page)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    assert sideways(page) == []

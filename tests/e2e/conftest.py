"""The product as a person gets it, a real browser on it, and the same with a scripted trainer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    StorageState,
    expect,
    sync_playwright,
)

from tests.e2e.api import Api
from tests.e2e.browser import FLAGS, Complaints, browser_path
from tests.e2e.product import Product

WIDE = {"width": 1440, "height": 900}
PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    home = str(tmp_path_factory.mktemp("browser"))  # it would write into the user's
    browser = playwright.chromium.launch(
        executable_path=browser_path(), args=FLAGS, env={"HOME": home, "XDG_CONFIG_HOME": home}
    )
    yield browser
    browser.close()


def run_product(home: Path, **environment: str) -> Iterator[Product]:
    """A product that has to end in time and leave no process behind."""
    product = Product(home, **environment)
    yield product
    product.stop()
    assert product.process.returncode == 0, product.said
    assert product.processes() == []


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Exactly what `make run` starts."""
    yield from run_product(tmp_path_factory.mktemp("product") / "data folder")


@pytest.fixture(scope="session")
def scripted_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The same, but for its trainer: one that writes a given journal at an even pace."""
    yield from run_product(
        tmp_path_factory.mktemp("scripted"),
        DJANGO_SETTINGS_MODULE="tests.e2e.scripted.settings",
        R1WEB_WEBHOOK_LOOPBACK="1",
    )


def sign_in(browser: Browser, product: Product) -> StorageState:
    """What the browser keeps after the one-time link was opened."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(product.link)
    page.wait_for_url(f"{product.url}/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="session")
def signed_in(browser: Browser, product: Product) -> StorageState:
    return sign_in(browser, product)


@pytest.fixture(scope="session")
def scripted_signed_in(browser: Browser, scripted_product: Product) -> StorageState:
    return sign_in(browser, scripted_product)


@pytest.fixture
def api(playwright: Playwright, product: Product) -> Iterator[Api]:
    api = Api(playwright, product)
    yield api
    api.clear_away()
    api.requests.dispose()


@pytest.fixture
def scripted_api(playwright: Playwright, scripted_product: Product) -> Iterator[Api]:
    api = Api(playwright, scripted_product)
    yield api
    api.clear_away()
    api.requests.dispose()


class Pages:
    """Opens pages of one product, signed in; in the end none may have had a complaint."""

    def __init__(self, browser: Browser, product: Product, state: StorageState) -> None:
        self.browser, self.product, self.state = browser, product, state
        self.opened: list[tuple[BrowserContext, Complaints]] = []

    def new(self, **options: object) -> tuple[Page, Complaints]:
        context = self.browser.new_context(
            base_url=self.product.url,
            storage_state=self.state,
            reduced_motion="reduce",
            **{"viewport": WIDE, **options},
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        complaints = Complaints(page)
        self.opened.append((context, complaints))
        return page, complaints

    def close(self) -> None:
        for context, _ in self.opened:
            context.close()
        assert [text for _, found in self.opened for text in found.unexpected()] == []


@pytest.fixture
def pages(browser: Browser, product: Product, signed_in: StorageState) -> Iterator[Pages]:
    pages = Pages(browser, product, signed_in)
    yield pages
    pages.close()


@pytest.fixture
def scripted_pages(
    browser: Browser, scripted_product: Product, scripted_signed_in: StorageState
) -> Iterator[Pages]:
    pages = Pages(browser, scripted_product, scripted_signed_in)
    yield pages
    pages.close()


@pytest.fixture
def page(pages: Pages) -> Page:
    return pages.new()[0]

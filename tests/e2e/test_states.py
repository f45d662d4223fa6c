"""What shows only once somebody acts, for everybody: dialogs, menus, tables, zoom, failure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.test_charts import card, drag_over
from tests.e2e.test_pages import await_content, faults

pytestmark = pytest.mark.e2e

LONG = {"grpo": {"steps": 5000}}


class Cast(NamedTuple):
    """Runs by what they are for."""

    ended: int
    going: int


@pytest.fixture(scope="module")
def cast(playwright: Playwright, scripted_product: Product) -> Iterator[Cast]:
    """One that ended, one under way, one that waits, and one that was deleted; what they ran on has
    a price."""
    api = Api(playwright, scripted_product)
    price = {"device_model": "CPU slot", "per_hour": "1", "valid_from": "2026-01-01"}
    api.post("/ledger/prices", price)
    ended = api.start("seen in every state", {"grpo": {"steps": 30}})
    deleted = api.start("gone", {"grpo": {"steps": 2}})
    for run in (ended, deleted):
        assert api.await_end(run)["state"] == "finished"
    answer = api.requests.delete(f"/api/v1/runs/{deleted}", params={"name": "gone"})
    assert answer.ok, answer.text()
    going = api.start("under way", LONG)
    api.follow(going, lambda found: found["state"] == "running")
    api.start("waits", LONG)
    yield Cast(ended, going)
    api.clear_away()
    api.requests.dispose()


def press(*names: str) -> Callable[[Page], None]:
    """Press buttons, tabs and entries of menus, one after the other, wherever they are."""

    def act(page: Page) -> None:
        for name in names:
            found = page.get_by_role("button", name=name, exact=True)
            for role in ("menuitem", "tab"):
                found = found.or_(page.get_by_role(role, name=name, exact=True))
            found.first.click()

    return act


def keys(*pressed: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        for key in pressed:
            page.keyboard.press(key)

    return act


def zoom(page: Page) -> None:
    drag_over(page, card(page, "Reward").get_by_role("img"))
    expect(page.get_by_role("button", name="Whole run")).to_be_visible()


def break_the_config(page: Page) -> None:
    page.locator("#group-grpo").get_by_label("Steps", exact=True).fill("0")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()


def open_health(page: Page) -> None:
    page.locator("nav summary").click()


def select_a_run(page: Page) -> None:
    """By keys: a phone shows no ticks."""
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()


def open_lazily(button: str) -> Callable[[Page], None]:
    """A dialog that comes with a script of its own."""

    def act(page: Page) -> None:
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()

    return act


def cut_off(page: Page) -> None:
    """The server is away when the page asks."""
    page.route("**/api/v1/nodes*", lambda route: route.abort())
    page.get_by_role("link", name="Nodes").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.unroute("**/api/v1/nodes*")


class State(NamedTuple):
    """A state of a page, how to come there, and the part of it that is checked."""

    path: str
    act: Callable[[Page], None] = keys()
    part: str = "main"


DIALOG = "dialog[open]"
MENU = "[role=menu]:popover-open"

STATES = {
    "palette": State("/", keys("Control+k"), DIALOG),
    "sheet": State("/runs/{ended}", keys("?"), DIALOG),
    "theme menu": State("/", press("Theme"), MENU),
    "health": State("/", open_health, "nav"),
    "selected rows": State("/", select_a_run),
    "columns": State("/", open_lazily("Columns"), DIALOG),
    "condition": State("/", open_lazily("Condition"), DIALOG),
    "nothing found": State("/?q=no-such-run"),
    "chart tables": State("/runs/{ended}?table=reward,entropy&more=1"),
    "zoomed": State("/runs/{ended}?smooth=0&outliers=cut", zoom),
    "logarithmic, by time": State("/runs/{ended}?x=log&axis=time&step=7"),
    "chart menu": State("/runs/{ended}", press("Download"), MENU),
    "run menu": State("/runs/{ended}", press("More actions"), MENU),
    "edit": State("/runs/{ended}", press("More actions", "Edit"), DIALOG),
    "delete": State("/runs/{ended}", press("More actions", "Delete"), DIALOG),
    "stop": State("/runs/{going}", press("Stop"), DIALOG),
    "pause": State("/runs/{going}", press("More actions", "Pause"), DIALOG),
    "live": State("/runs/{going}?tab=logs", part="body"),
    "rule": State("/runs/{ended}?tab=alerts", press("Add a rule"), DIALOG),
    "project's rule": State("/projects/default?tab=rules", press("Add a rule"), DIALOG),
    "target": State("/projects/default?tab=targets", press("Add a target"), DIALOG),
    "price": State("/cost/prices", press("Add a price"), DIALOG),
    "what if": State("/runs/{ended}?tab=cost", press("Estimate")),
    "budget": State("/cost?axis=device_hours&x=log&budget=1"),
    "config as text": State("/new?view=text"),
    "wrong config": State("/new", break_the_config, "#group-grpo"),
    "queue": State("/queue"),
    "cordon": State("/nodes", press("Cordon"), DIALOG),
    "deleted": State("/deleted"),
    "no such run": State("/runs/99999999"),
    "no such project": State("/projects/no-such-one"),
    "no such completion": State("/completions/99999999-0"),
    "server away": State("/", cut_off),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("width", [1440, 390])
def test_each_state_is_accessible_in_both_themes(
    width: int, cast: Cast, scripted_pages: Pages
) -> None:
    page, complaints = scripted_pages.new(viewport={"width": width, "height": 844})
    complaints.expect("404|net::ERR_FAILED")
    found = []
    for name, state in STATES.items():
        page.goto(state.path.format(**cast._asdict()))
        await_content(page)
        state.act(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name}: scrolls sideways")
        for theme, rules in (("light", None), ("dark", ["color-contrast"])):
            page.emulate_media(color_scheme=theme)
            found += [f"{name}, {theme}: {fault}" for fault in faults(page, rules, state.part)]
    assert found == []

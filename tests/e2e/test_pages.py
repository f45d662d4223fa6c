"""Every page at a desk and on a phone, light and dark: whole, quiet, and for everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e

LOOKS = {
    "desk, light": (1440, 900, "light"),
    "desk, dark": (1440, 900, "dark"),
    "phone, light": (390, 844, "light"),
    "phone, dark": (390, 844, "dark"),
}
TABS = (
    "overview",
    "rollouts",
    "config",
    "logs",
    "checkpoints",
    "system",
    "cost",
    "alerts",
    "history",
)
PROJECT_TABS = ("alerts", "rules", "targets", "cost", "storage")
MOST_TABS = 150
FOCUS_IS_VISIBLE = """
() => [document.activeElement, document.activeElement.parentElement]
  .map((one) => getComputedStyle(one))
  .some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
"""
"""An outline around what has the focus, or around the box that it fills."""


@pytest.fixture(scope="module")
def finished_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("looked at from all sides", {"grpo": {"steps": 60}})
    assert api.await_end(run)["state"] == "finished"
    api.requests.dispose()
    return run


def paths(run: int) -> list[str]:
    tabs = [f"/runs/{run}?tab={tab}" for tab in TABS]
    projects = [f"/projects/default?tab={tab}" for tab in PROJECT_TABS]
    others = [
        "/",
        "/cost",
        "/cost/prices",
        "/cost/reference",
        "/new",
        "/queue",
        "/nodes",
        "/presets",
        "/projects",
        "/deleted",
        "/no-such-page",
    ]
    compared = [
        f"/compare?runs={run}&tab={tab}" for tab in ("charts", "summary", "diff", "explore")
    ]
    more = ["/compare", "/projects/default/notes"]
    return [*others, *projects, *tabs, *compared, *more]


def await_content(page: Page) -> None:
    """Wait until a page shows what it is about, and nothing is loading."""
    main = page.get_by_role("main")
    expect(main).not_to_be_empty()
    expect(main.locator("[class*=_skeleton_]")).to_have_count(0)


WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""Every rule of axe-core that checks a criterion up to WCAG 2.2 AA, size of targets included."""


def faults(page: Page, rules: list[str] | None = None, part: str | None = None) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, or these rules only, with the first element."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": WCAG}
    return [
        f"{page.url}: {found['id']} ({len(found['nodes'])}): {found['nodes'][0]['html'][:300]}"
        for found in Axe()
        .run(page, context=part, options={"runOnly": only, "resultTypes": ["violations"]})
        .response["violations"]
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS)
def test_it_fits_and_is_accessible(look: str, finished_run: int, scripted_pages: Pages) -> None:
    width, height, theme = LOOKS[look]
    page, complaints = scripted_pages.new(
        viewport={"width": width, "height": height}, color_scheme=theme
    )
    found = []
    for path in paths(finished_run):
        page.goto(path)
        await_content(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: scrolls sideways")
        found += faults(page)
    assert found == []
    assert complaints.unexpected() == []


def tab_to(page: Page, role: str, name: str) -> None:
    """Press Tab until the control has the focus, which has to be seen all the way."""
    wanted = page.get_by_role(role, name=name).first  # type: ignore[arg-type]  # a role's name
    expect(wanted).to_be_visible()
    page.locator("body").press("Tab")
    for _ in range(MOST_TABS):
        focus = page.locator(":focus")
        assert page.evaluate(FOCUS_IS_VISIBLE), focus.evaluate("one => one.outerHTML")
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {name} on {page.url}")


COVERED_FOCUS = """
() => {
  const one = document.activeElement;
  if (one === document.body) return null;
  const { left, top, right, bottom } = one.getBoundingClientRect();
  const between = (from, to, share) => from + (to - from) * share;
  const shares = [0.05, 0.275, 0.5, 0.725, 0.95];
  const isSeen = shares.some((across) => shares.some((down) => {
    const at = document.elementFromPoint(between(left, right, across), between(top, bottom, down));
    return at !== null && (one.contains(at) || at.contains(one));
  }));
  return isSeen ? null : one.outerHTML.slice(0, 200);
}
"""
"""What has the focus where nothing of it is to be seen: beyond an edge, or under a bar."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("width", [390, 1440])
def test_what_has_the_focus_is_never_covered(
    width: int, finished_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new(viewport={"width": width, "height": 600})
    found = []
    for path in (
        "/",
        "/new",
        "/queue",
        "/presets",
        "/projects/default?tab=rules",
        f"/runs/{finished_run}",
        f"/runs/{finished_run}?tab=rollouts&view=all",
        f"/runs/{finished_run}?tab=rollouts&view=emergence",
        f"/runs/{finished_run}?tab=config",
        f"/compare?runs={finished_run}",
        f"/compare?runs={finished_run}&tab=explore",
    ):
        page.goto(path)
        await_content(page)
        for key in ["Tab"] * MOST_TABS + ["Shift+Tab"] * MOST_TABS:
            page.keyboard.press(key)
            if covered := page.evaluate(COVERED_FOCUS):
                found.append(f"{page.url}, {key}: {covered}")
    assert found == []


def test_the_main_action_of_each_page_is_reached_by_keyboard(
    finished_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    for path, role, name in (
        ("/", "link", "looked at from all sides"),
        ("/new", "button", "Start the run"),
        (f"/runs/{finished_run}", "link", "Fork"),
        (f"/runs/{finished_run}", "tab", "Overview"),
    ):
        page.goto(path)
        await_content(page)
        tab_to(page, role, name)


def test_keys_walk_through_the_tabs_of_a_run(finished_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{finished_run}")
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Rollouts")).to_be_focused()
    expect(page.get_by_role("tab", name="Rollouts")).to_have_attribute("aria-selected", "true")

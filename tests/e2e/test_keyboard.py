"""Whatever can be done can be done by keys, and a page is as it was left."""

import re

import pytest
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.test_pages import await_content

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def known_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("by keys alone", {"grpo": {"steps": 40}})
    assert api.await_end(run)["state"] == "finished"
    api.requests.dispose()
    return run


def command(page: Page, words: str) -> None:
    """Have the palette do the first thing by these words."""
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="A page, a run or an action").fill(words)
    found = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(found.first).to_contain_text(words.rsplit(maxsplit=1)[-1])
    page.keyboard.press("Enter")


def test_the_palette_leads_to_each_page_and_to_what_the_page_can_do(
    known_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto("/nodes")
    await_content(page)
    pages = page.get_by_role("navigation", name="Pages").get_by_role("link")
    for href in {link.get_attribute("href") or "" for link in pages.all()} - {"/admin/"}:
        name = {"/": "Runs", "/compare": "Compare runs"}.get(href, href.strip("/").capitalize())
        command(page, name)
        expect(page).to_have_url(re.compile(rf"{re.escape(href)}(\?.*)?$"))
    page.goto(f"/runs/{known_run}")
    await_content(page)
    command(page, "Run: Checkpoints")
    expect(page).to_have_url(re.compile("tab=checkpoints"))
    command(page, "keys alone: Fork")
    expect(page).to_have_url(re.compile(rf"/new\?from={known_run}"))
    page.go_back()
    await_content(page)
    command(page, "keys alone: Delete")
    expect(page.get_by_role("dialog", name="Delete run")).to_be_visible()
    page.keyboard.press("Escape")
    command(page, "Search runs")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_each_key_of_the_sheet_stands_in_the_palette(known_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    for path in ("/", f"/runs/{known_run}", f"/runs/{known_run}?tab=rollouts"):
        page.goto(path)
        await_content(page)
        page.keyboard.press("?")
        keys = page.get_by_role("dialog").locator("dd").all_inner_texts()
        page.keyboard.press("Escape")
        assert len(keys) > 5
        page.keyboard.press("Control+k")
        options = "\n".join(page.get_by_role("option").all_inner_texts())
        assert [key for key in keys if key not in options] == []
        page.keyboard.press("Escape")


def test_the_focus_goes_back_to_what_opened_a_dialog(known_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{known_run}?tab=alerts")
    opener = page.get_by_role("button", name="Add a rule")
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_charts_are_zoomed_without_dragging(known_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{known_run}")
    await_content(page)
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile(r"zoom=10\.\.30$"))
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"zoom=15\.\.25$"))
    page.keyboard.press(">")
    expect(page).to_have_url(re.compile(r"zoom=20\.\.30$"))
    page.keyboard.press("-")
    expect(page).to_have_url(re.compile(r"zoom=15\.\.35$"))
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Whole run")).to_be_hidden()


def test_times_are_exact_for_who_wants_that(known_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new(timezone_id="Asia/Tokyo")
    page.goto(f"/runs/{known_run}?tab=history")
    time = page.get_by_role("table").first.locator("time").first
    expect(time).to_have_text(re.compile("ago|now"))
    expect(time).to_have_attribute("title", re.compile(r"GMT\+9"))
    page.keyboard.press("t")
    expect(time).to_have_text(re.compile(r"\d\d:\d\d.*GMT\+9"))
    page.reload()
    expect(time).to_have_text(re.compile("GMT"))
    page.get_by_role("button", name="operator").click()
    page.get_by_role("menuitem", name="Times as how long ago").click()
    expect(time).to_have_text(re.compile("ago|now"))


def test_a_draft_survives_a_reload_and_can_be_begun_anew(scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto("/new")
    steps = page.locator("#group-grpo").get_by_label(re.compile(r"^Steps( \(|$)"))
    first = steps.input_value()
    steps.fill("77")
    page.get_by_label("Name", exact=True).fill("not lost")
    page.reload()
    expect(steps).to_have_value("77")
    expect(page.get_by_label("Name", exact=True)).to_have_value("not lost")
    page.get_by_role("button", name="Begin anew").click()
    expect(steps).to_have_value(first)
    page.get_by_role("button", name="Undo").click()
    expect(steps).to_have_value("77")
    page.get_by_role("tab", name="TOML or JSON").click()
    page.reload()
    expect(page.get_by_role("tab", name="TOML or JSON")).to_have_attribute("aria-selected", "true")


def test_a_deleted_rule_comes_back(
    known_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{known_run}?tab=alerts")
    rules = scripted_api.get(f"/runs/{known_run}/alert-rules")["items"]
    rule = rules[0]
    page.get_by_role("button", name=f"Delete {rule['name']}").click()
    page.get_by_role("button", name="Delete the rule").click()
    expect(page.get_by_role("button", name=f"Delete {rule['name']}")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name=f"Delete {rule['name']}")).to_be_visible()
    again = scripted_api.get(f"/runs/{known_run}/alert-rules")["items"]

    def told(found: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in found.items() if name not in {"id", "created_at"}}

    assert sorted(map(str, map(told, again))) == sorted(map(str, map(told, rules)))


def test_nothing_moves_for_who_asked_for_less_motion(known_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()  # its context asks for reduced motion
    for path in ("/", f"/runs/{known_run}", "/new"):
        page.goto(path)
        await_content(page)
        moving = page.evaluate(
            "[...document.querySelectorAll('*')].map((one) => getComputedStyle(one))"
            ".filter((style) => [style.transitionDuration, style.animationDuration].join()"
            ".split(',').some((time) => parseFloat(time) > 0)).length"
        )
        assert moving == 0

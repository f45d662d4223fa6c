"""How an expert reads what the model wrote: from the curve to one completion, by keys."""

import re

import pytest
from playwright.sync_api import Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.scripted import reading
from tests.e2e.test_pages import LOOKS, await_content, faults

pytestmark = pytest.mark.e2e

STEPS = 12


@pytest.fixture(scope="module")
def read_run(playwright: Playwright, scripted_product: Product) -> int:
    api = Api(playwright, scripted_product)
    run = api.start("for reading", {"grpo": {"steps": STEPS}, "seed": reading.SEED})
    assert api.await_end(run)["state"] == "finished"
    api.requests.dispose()
    return run


def groups(api: Api, run: int, step: int) -> list[int]:
    return [group["id"] for group in api.get(f"/runs/{run}/rollouts", step=step)["items"]]


def test_three_keys_lead_from_the_curve_to_a_completion(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{read_run}")
    page.get_by_role("region", name="Reward", exact=True).locator(".u-over").click()
    expect(page).to_have_url(re.compile(r"[?&]step=\d+"))
    step = int(re.findall(r"[?&]step=(\d+)", page.url)[0])
    first, second, *_ = groups(scripted_api, read_run, step)

    page.keyboard.press("Enter")
    rollouts = page.get_by_role("region", name="Rollouts")
    expect(rollouts).to_contain_text(f"step {step}")
    expect(rollouts.get_by_role("heading", level=4).nth(1)).to_be_visible()
    page.keyboard.press("Enter")
    group = page.get_by_role("region", name="Group", exact=True)
    expect(group).to_contain_text(reading.QUESTIONS[0][0])
    page.keyboard.press("Enter")
    completion = page.get_by_role("region", name="Completion", exact=True)
    expect(completion).to_contain_text("1 of 8")
    expect(page).to_have_url(re.compile(rf"group={first}&completion=\d+"))

    page.keyboard.press("j")
    expect(completion).to_contain_text("2 of 8")
    page.keyboard.press("ArrowRight")
    expect(group).to_contain_text("for the larger root")
    expect(page).to_have_url(re.compile(rf"group={second}$"))
    page.keyboard.press("o")
    page.keyboard.press("c")
    expect(page.get_by_text("Link copied")).to_be_visible()
    page.keyboard.press("u")
    expect(group).to_be_visible()
    page.keyboard.press("Escape")
    expect(rollouts).to_be_visible()

    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page).to_have_url(re.compile(rf"/completions/{second}-\d$"))
    expect(page.get_by_role("region", name="Completion", exact=True)).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Next completion")


def test_a_group_stands_side_by_side_with_what_it_answers(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 1)[0]
    page.goto(f"/runs/{read_run}?tab=rollouts&group={group}")
    columns = page.get_by_role("region", name="Group", exact=True).get_by_role("article")
    expect(columns.nth(2)).to_be_in_viewport(ratio=0.9)

    answers = page.get_by_role("group", name="Answers").get_by_role("button")
    expect(answers.nth(0)).to_have_text("84×4")
    expect(answers.nth(1)).to_have_text("85×2")
    expect(answers.nth(1).get_by_label("as expected")).to_be_visible()
    answers.nth(0).click()
    current = columns.and_(page.locator("[aria-current=true]"))
    expect(current).to_contain_text("answers 84")

    bars = page.get_by_role("group", name="Rewards").get_by_role("button")
    expect(bars).to_have_count(8)
    bars.last.click()
    expect(current).to_be_in_viewport(ratio=0.9)
    page.get_by_label("Order of completions").select_option("By answer")
    expect(bars.first).to_have_attribute("aria-label", re.compile("reward 0.5"))


def test_formulas_code_and_every_script_are_shown_as_meant(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    _, roots, arabic, _ = groups(scripted_api, read_run, 2)
    page.goto(f"/completions/{roots}-0")
    written = page.get_by_role("region", name="What the model wrote")
    expect(written.locator("pre")).to_contain_text("for x in range(10):")
    expect(written.locator(".katex").first).to_be_visible()

    page.goto(f"/completions/{arabic}-0")
    thought = written.get_by_text("ستة في سبعة")
    assert thought.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_a_completion_of_60000_tokens_is_never_whole_in_the_page(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 1)[0]
    page.goto(f"/completions/{group}-7")
    written = page.get_by_role("region", name="What the model wrote")
    expect(written).to_contain_text("Paragraph 0:")
    expect(page.get_by_text("60,000 tok")).to_be_visible()

    written.focus()
    page.keyboard.press("End")
    expect(written).to_contain_text("Paragraph 939:")
    expect(written).to_contain_text("…not closed")
    assert page.evaluate("document.querySelectorAll('main *').length") < 1500
    page.keyboard.press("Home")
    expect(written).to_contain_text("Paragraph 0:")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS)
def test_each_level_fits_and_is_accessible(
    look: str, read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    width, height, theme = LOOKS[look]
    page, _ = scripted_pages.new(viewport={"width": width, "height": height}, color_scheme=theme)
    first, roots, arabic, _ = groups(scripted_api, read_run, 1)
    found = []
    for path in (
        f"/runs/{read_run}?tab=rollouts&step=1",
        f"/runs/{read_run}?tab=rollouts&group={first}",
        f"/runs/{read_run}?tab=rollouts&group={roots}&completion=0",
        f"/completions/{arabic}-0",
    ):
        page.goto(path)
        await_content(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: scrolls sideways")
        found += faults(page)
    assert found == []

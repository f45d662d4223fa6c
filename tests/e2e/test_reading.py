"""How an expert reads what the model wrote: from the curve to one completion, by keys."""

import json
import re
import sys

import pytest
from playwright.sync_api import Playwright, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.scripted import reading
from tests.e2e.test_pages import LOOKS, await_content, faults

pytestmark = pytest.mark.e2e

STEPS = 12
WATCH_LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longTasks.push(duration);
}).observe({ type: 'longtask' });
"""
"""Tasks of 50 ms or more: what a reader feels as a stutter."""
SCROLL_THROUGH = """
(box) => new Promise((done) => {
  let [frames, most] = [0, 0];
  const step = () => {
    box.scrollTop += 400;
    frames += 1;
    most = Math.max(most, document.querySelectorAll('main *').length);
    if (frames < 300) requestAnimationFrame(step);
    else done({ frames, most });
  };
  requestAnimationFrame(step);
})
"""
"""400 pixels a frame, faster than anybody reads; how many elements the page had at most."""
MOST_ELEMENTS = 6000


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
    expect(answers.nth(1).get_by_label("right", exact=True)).to_be_visible()
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


@pytest.mark.parametrize("tint", ["none", "logprobs"])
def test_words_are_found_in_a_long_completion_and_brought_into_sight(
    tint: str, read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 1)[0]
    page.goto(f"/completions/{group}-7?tint={tint}")
    written = page.get_by_role("region", name="What the model wrote")
    expect(written).to_contain_text("Paragraph 0:")
    if tint != "none":
        expect(page.locator("[data-token]").first).to_be_visible()
    found, here = page.get_by_role("search").get_by_role("status"), page.locator("[data-here]")

    page.keyboard.press("f")
    page.keyboard.type("PARAGRAPH 70")
    expect(found).to_have_text("1 of 11")
    expect(here.first).to_be_in_viewport()
    expect(written).to_contain_text("Paragraph 70:")
    page.keyboard.press("Enter")
    expect(found).to_have_text("2 of 11")
    expect(written).to_contain_text("Paragraph 700:")
    expect(here.first).to_be_in_viewport()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(found).to_have_text("11 of 11")
    expect(written).to_contain_text("Paragraph 709:")
    expect(here.first).to_be_in_viewport()

    page.keyboard.type(" is not there")
    expect(found).to_have_text("not found")
    page.keyboard.press("Escape")
    expect(here).to_have_count(0)


@pytest.mark.parametrize("tint", ["none", "logprobs"])
def test_a_long_completion_scrolls_with_few_elements(
    tint: str, read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    page.add_init_script(WATCH_LONG_TASKS)
    group = groups(scripted_api, read_run, 1)[0]
    page.goto(f"/completions/{group}-7?tint={tint}")
    written = page.get_by_role("region", name="What the model wrote")
    expect(written).to_contain_text("Paragraph 0:")
    if tint != "none":
        expect(page.locator("[data-token]").first).to_be_visible()
    page.evaluate("window.longTasks.length = 0")
    scrolled = written.evaluate(SCROLL_THROUGH)
    long_tasks = page.evaluate("window.longTasks")
    sys.stdout.write(
        f"60,000 tokens, tint {tint}, {scrolled['frames']} frames: {len(long_tasks)} long tasks, "
        f"the longest {max(long_tasks, default=0):.0f} ms; {scrolled['most']} elements at most\n"
    )
    assert scrolled["most"] < MOST_ELEMENTS


def test_the_same_prompt_is_compared_over_steps_and_between_runs(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    other = scripted_api.start("read beside it", {"grpo": {"steps": 3}, "seed": reading.SEED})
    scripted_api.await_end(other)
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 5)[0]
    page.goto(f"/runs/{read_run}?tab=rollouts&group={group}")
    expect(page.get_by_role("region", name="Group", exact=True)).to_be_visible()
    page.keyboard.press("p")
    sides = page.get_by_role("region", name="Same prompt").get_by_role("article")
    expect(sides.nth(0)).to_contain_text("step 4")
    expect(sides.nth(0).locator("del")).to_have_text(["4"])
    expect(sides.nth(1).locator("ins")).to_have_text(["5"])
    times = page.get_by_role("group", name="Steps that asked it").get_by_role("button")
    expect(times).to_have_count(STEPS)
    page.keyboard.press("j")
    expect(sides.nth(1)).to_contain_text("step 6")

    page.get_by_label("What stands beside").select_option(str(other))
    expect(sides.nth(1)).to_contain_text(f"run #{other} · step 3")
    expect(sides.nth(0).locator("del")).to_have_text(["6"])
    page.reload()
    expect(sides.nth(1)).to_contain_text(f"run #{other} · step 3")
    page.keyboard.press("u")
    expect(page.get_by_role("region", name="Group", exact=True)).to_be_visible()


def test_emergence_draws_what_the_completions_show(read_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{read_run}?tab=rollouts&view=emergence")
    for title in ("Length", "Language mixing", "First solved", "Reflective words"):
        expect(page.get_by_role("region", name=title, exact=True)).to_be_visible()
    levels = page.get_by_role("region", name="Solved, by difficulty")
    levels.get_by_role("button", name="Show as a table").click()
    expect(levels.get_by_role("row")).to_have_count(STEPS + 1)
    expect(levels.get_by_role("row").nth(1)).to_contain_text("75 %")

    page.get_by_label("Reflective words").first.fill("carry, 漢")
    page.get_by_role("button", name="Count these words").click()
    expect(page.get_by_text(f"counted in {20 * STEPS} completions")).to_be_visible()
    expect(page).to_have_url(re.compile("words=carry"))


def test_each_prompt_tells_when_it_was_first_solved_and_leads_to_it_over_the_steps(
    read_run: int, scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{read_run}?tab=rollouts&view=emergence")
    prompts = page.get_by_role("region", name="Prompts: 4 of 4 solved at least once")
    prompts.get_by_role("button", name="Difficulty").click()
    expect(page).to_have_url(re.compile("prompts=-difficulty"))
    hardest = prompts.get_by_role("row").nth(1)
    told = ["请计算", "step 1", "75 %", "4", str(STEPS), "step 1"]
    expect(hardest.get_by_role("cell")).to_contain_text(told)

    hardest.get_by_role("link").click()
    over = page.get_by_role("region", name="Same prompt")
    expect(over.get_by_role("button", name=re.compile("^Step "))).to_have_count(STEPS)
    page.go_back()
    expect(prompts.get_by_role("columnheader", name="Difficulty")).to_have_attribute(
        "aria-sort", "descending"
    )


def test_completions_of_a_run_are_filtered_sorted_counted_and_exported(
    read_run: int, scripted_pages: Pages
) -> None:
    page, complaints = scripted_pages.new()
    complaints.expect("status of 422")
    page.goto(f"/runs/{read_run}?tab=rollouts")
    page.get_by_role("button", name="All completions").click()
    table = page.get_by_role("table", name="Completions of the run")
    count = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ completions$"))
    expect(count).to_have_text(f"{20 * STEPS} of {20 * STEPS} completions")

    page.get_by_role("button", name="Cut off").click()
    expect(count).to_have_text(f"{STEPS + 1} of {20 * STEPS} completions")
    table.get_by_role("button", name="tokens").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("60,000")
    expect(page).to_have_url(re.compile(r"where=finish_reason%3Dlength&?.*$"))
    expect(page).to_have_url(re.compile("sort=-length"))

    page.get_by_role("button", name="Cut off").click()
    bins = page.get_by_role("group", name="Histogram of reward").get_by_role("button")
    bins.first.click()
    expect(count).to_have_text(f"{STEPS + 1} of {20 * STEPS} completions")
    expect(page.get_by_role("button", name="reward = 0")).to_be_visible()
    page.reload()
    expect(count).to_have_text(f"{STEPS + 1} of {20 * STEPS} completions")

    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="JSON lines").first.click()
    lines = waiting.value.path().read_text().splitlines()
    assert [json.loads(line)["reward"] for line in lines] == [0.0] * (STEPS + 1)

    page.get_by_role("button", name="reward = 0").click()
    page.get_by_label("Field", exact=True).select_option("step")
    page.get_by_label("Value").fill("soon")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("is not a number")


def test_a_search_shows_where_the_words_stand(read_run: int, scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{read_run}?tab=rollouts&view=all")
    field = page.get_by_role("searchbox", name="Search in completions")
    expect(field).to_be_visible()
    page.keyboard.press("f")
    expect(field).to_be_focused()
    page.keyboard.type("CARRY 1")
    hits = page.get_by_role("article")
    expect(hits.first.locator("mark")).to_have_text("carry 1")
    expect(hits).to_have_count(20)
    expect(page.get_by_text(re.compile("Looked through"))).to_contain_text(f"of {20 * STEPS}")
    page.get_by_role("button", name="Look on").click()
    expect(hits).to_have_count(40)

    page.get_by_label("How to search").select_option("regex")
    field.fill(r"pass 1\d")
    expect(hits.first.locator("mark")).to_have_text(re.compile(r"pass 1\d"))
    page.reload()
    hits.first.get_by_role("link").click()
    expect(page.get_by_role("region", name="Completion", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(hits.first).to_be_visible()


def test_tokens_are_coloured_on_a_scale_and_tell_their_numbers(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 2)[0]
    page.goto(f"/completions/{group}-0")
    colours = page.get_by_label("Colour tokens by")
    colours.select_option("Log-probability")
    expect(page).to_have_url(re.compile("tint=logprobs"))
    tokens = page.locator("[data-token]")
    expect(tokens.first).to_be_visible()
    expect(page.get_by_text("−5 nats")).to_be_visible()
    paints = "one => getComputedStyle(one).backgroundColor"
    assert tokens.nth(0).evaluate(paints) != tokens.nth(1).evaluate(paints)

    told = scripted_api.get(f"/completions/{group}-0/tokens")
    tokens.nth(1).hover()
    index = int(tokens.nth(1).get_attribute("data-token") or "")
    value = f"log-probability {told['logprobs'][index]:.2f}".replace("-", "−").replace("g−", "g-")
    readout = page.get_by_role("status").filter(has_text=f"token {index}")
    expect(readout).to_contain_text(value)
    page.get_by_role("region", name="What the model wrote").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tokens.nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(readout).to_have_count(0)

    colours.select_option("Advantage")
    written = page.get_by_role("region", name="What the model wrote")
    assert written.evaluate(paints) != "rgba(0, 0, 0, 0)"


def test_a_completion_is_starred_and_noted(
    read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    group = groups(scripted_api, read_run, 3)[1]
    page.goto(f"/completions/{group}-1")
    page.get_by_role("button", name="Star", exact=True).click()
    expect(page.get_by_role("button", name="Take the star away")).to_be_visible()
    page.get_by_role("button", name="Notes").click()
    page.get_by_label("Write a note").fill("A leap <b>without</b> reason")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="1 note")).to_be_visible()
    expect(page.get_by_text("A leap <b>without</b> reason")).to_be_visible()

    page.goto(f"/runs/{read_run}?tab=rollouts&view=all&starred=1")
    expect(page.get_by_text(f"1 of {20 * STEPS} completions")).to_be_visible()
    page.get_by_role("table").get_by_role("link", name="starred").click()
    page.get_by_role("button", name="1 note").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Notes", exact=True)).to_be_visible()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS)
def test_each_level_fits_and_is_accessible(
    look: str, read_run: int, scripted_pages: Pages, scripted_api: Api
) -> None:
    width, height, theme = LOOKS[look]
    page, _ = scripted_pages.new(viewport={"width": width, "height": height}, color_scheme=theme)
    first, roots, arabic, _ = groups(scripted_api, read_run, 2)
    found = []
    for path in (
        f"/runs/{read_run}?tab=rollouts&step=1",
        f"/runs/{read_run}?tab=rollouts&group={first}",
        f"/runs/{read_run}?tab=rollouts&group={roots}&completion=0",
        f"/completions/{arabic}-0",
        f"/completions/{roots}-0?tint=logprobs",
        f"/completions/{roots}-0?tint=differences",
        f"/runs/{read_run}?tab=rollouts&view=all",
        f"/runs/{read_run}?tab=rollouts&view=all&where=reward>=0.5&q=carry",
        f"/runs/{read_run}?tab=rollouts&view=emergence",
        f"/runs/{read_run}?tab=rollouts&group={roots}&alike=1",
    ):
        page.goto(path)
        await_content(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: scrolls sideways")
        found += faults(page)
    assert found == []

"""The whole path as a person walks it: start, watch, look into, stop, resume, finish."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api

pytestmark = pytest.mark.e2e

NAME = "told from start to end"
STEPS = 120


@pytest.mark.timeout(600)
def test_a_run_from_the_first_click_to_its_end(page: Page, api: Api) -> None:
    page.goto("/")
    page.get_by_role("link", name="New run").first.click()
    fill_in(page)
    page.get_by_role("button", name="Start the run").click()

    header = page.locator("main header").first
    expect(header.get_by_role("heading", name=NAME)).to_be_visible()
    run = int(page.url.rpartition("/")[2])
    expect(header).to_contain_text("running")
    the_curve_moves(page)
    step = a_click_on_the_curve_pins_its_rollouts(page)
    what_a_rollout_shows(page, api, run, step)

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop the run").click()
    expect(header).to_contain_text("stopped")
    stopped_at = newest_checkpoint(page, api, run)

    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Resume the run").click()
    expect(header).to_contain_text("running")
    expect(header).to_contain_text("finished", timeout=300_000)
    expect(header).to_contain_text(f"step {STEPS} / {STEPS}")

    first, second = api.run(run)["attempts"]
    assert (first["outcome"], second["outcome"]) == ("stopped", "finished")
    assert second["start_step"] == stopped_at
    reward = api.series(run, "reward/mean")["reward/mean"]
    assert reward["steps"] == list(range(1, STEPS + 1))
    the_history_tells_it(page)


def fill_in(page: Page) -> None:
    """Change the preset by hand: what it comes to follows, and a wrong value is told in place."""
    summary = page.get_by_role("complementary", name="What it comes to")
    expect(summary).to_contain_text("8 prompts × 16 a group = 128 completions a step")
    page.get_by_role("textbox", name="Name", exact=True).fill(NAME)
    grpo, sampling = page.locator("#group-grpo"), page.locator("#group-sampling")
    grpo.get_by_label("Prompts per step").fill("4")
    expect(summary).to_contain_text("4 prompts × 16 a group = 64 completions a step")

    size = grpo.get_by_label("Group size")
    size.fill("1")
    expect(size).to_have_attribute("aria-invalid", "true")
    expect(size).to_have_accessible_description(re.compile("greater than or equal to 2"))
    expect(page.get_by_role("button", name="Start the run")).to_be_disabled()
    size.fill("8")
    expect(size).not_to_have_attribute("aria-invalid", "true")
    expect(summary).to_contain_text("4 prompts × 8 a group = 32 completions a step")

    grpo.get_by_label("Steps", exact=True).fill(str(STEPS))
    sampling.get_by_label("Max new tokens").fill("48")
    page.locator("#group-evaluation").get_by_label("Problems").fill("16")
    expect(summary).to_contain_text(f"Steps{STEPS}")


def the_curve_moves(page: Page) -> None:
    card = page.get_by_role("region", name="Reward", exact=True)
    card.get_by_role("button", name="Show as a table").click()
    rows = card.get_by_role("row")
    expect(rows.nth(2)).to_be_visible()  # below the head: two steps
    expect(rows.nth(6)).to_be_visible()
    card.get_by_role("button", name="Show as a chart").click()
    plot = card.get_by_role("img", name=re.compile("^Reward:")).locator("canvas")
    before = plot.screenshot()
    progress = page.get_by_role("progressbar", name="Progress")
    seen = int(progress.get_attribute("aria-valuenow") or 0)
    later = "|".join(str(step) for step in range(seen + 2, STEPS + 1))
    expect(progress).to_have_attribute("aria-valuenow", re.compile(f"^({later})$"))
    assert plot.screenshot() != before


def a_click_on_the_curve_pins_its_rollouts(page: Page) -> int:
    """Click somewhere in the reward's chart; the step that its rollouts then show."""
    page.get_by_role("region", name="Reward", exact=True).locator(".u-over").click()
    expect(page).to_have_url(re.compile(r"[?&]step=\d+"))
    found = re.search(r"[?&]step=(\d+)", page.url)
    assert found
    rollouts = page.get_by_role("region", name="Rollouts")
    expect(rollouts).to_contain_text(f"step {found[1]}")
    expect(rollouts.get_by_role("button", name="Pinned")).to_be_visible()
    return int(found[1])


def what_a_rollout_shows(page: Page, api: Api, run: int, step: int) -> None:
    """The group's question with its completions: parts of the text and of the reward apart."""
    group = api.get(f"/runs/{run}/rollouts", step=step)["items"][0]
    rollouts = page.get_by_role("region", name="Rollouts")
    shown = rollouts.get_by_role("article").filter(has=page.get_by_role("heading", level=4)).first
    expect(shown).to_contain_text(group["question"])
    expect(shown).to_contain_text(f"expected {group['answer']}")
    completion = shown.get_by_role("article").first
    expect(completion).to_contain_text("accuracy")
    expect(completion).to_contain_text("format")
    expect(completion).to_contain_text(re.compile(r"\d+ tok"))
    expect(rollouts.get_by_text("think", exact=True).first).to_be_visible()
    expect(rollouts.get_by_text("answer", exact=True).first).to_be_visible()


def newest_checkpoint(page: Page, api: Api, run: int) -> int:
    """The step of the checkpoint that stopping wrote, as the page lists it."""
    newest = api.get(f"/runs/{run}/checkpoints")["items"][0]
    assert newest["reason"] == "stop"
    page.get_by_role("tab", name="Checkpoints").click()
    row = page.get_by_role("row").filter(has_text="stop").first
    expect(row).to_contain_text(str(newest["step"]))
    return int(newest["step"])


def the_history_tells_it(page: Page) -> None:
    page.get_by_role("tab", name="History").click()
    table = page.get_by_role("table").first
    once = ["queued", "starting", "running"]
    path = [*once, "stopping", "stopped", *once, "finished"]
    rows = table.get_by_role("row")
    expect(rows).to_have_count(len(path) + 1)
    for row, state in zip(rows.all()[1:], reversed(path), strict=True):
        expect(row.get_by_role("cell").nth(3)).to_have_text(state)


@pytest.mark.timeout(300)
def test_a_run_of_another_task_with_a_table_switched_on(page: Page, api: Api) -> None:
    page.goto("/new")
    task, grpo = page.locator("#group-task"), page.locator("#group-grpo")
    task.get_by_label(re.compile("^Type")).select_option("file")
    path = task.get_by_label(re.compile("^Path"))
    expect(path).to_have_accessible_description(re.compile("no value yet"))
    expect(page.get_by_role("button", name="Start the run")).to_be_disabled()

    task.get_by_label(re.compile("^Type")).select_option("mixture")
    task.get_by_role("button", name="Add one").click()
    switch = grpo.get_by_role("checkbox", name=re.compile("^Dynamic sampling"))
    switch.press("Space")
    expect(switch).to_be_focused()  # the same control, with the table's own fields below
    grpo.get_by_label(re.compile("^Max rounds")).fill("2")
    grpo.get_by_label("Steps", exact=True).fill("2")
    page.get_by_role("button", name="Start the run").click()

    expect(page.locator("main header").first).to_contain_text(re.compile("running|finished"))
    config = api.run(int(page.url.rpartition("/")[2]))["config"]
    assert config["task"]["parts"][0]["task"]["name"] == "chain_sum"
    assert config["grpo"]["dynamic_sampling"] == {"max_rounds": 2}

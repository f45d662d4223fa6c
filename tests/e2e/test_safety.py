"""A run that measures its safety shows it by category; what the model said stays folded text."""

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e
TINY = {
    "grpo": {"steps": 1, "prompts_per_step": 2, "group_size": 2},
    "sampling": {"max_new_tokens": 16},
    "evaluation": {"problems": 2, "safety": {}},
}


def test_a_run_shows_how_safe_its_policy_was(pages: Pages, api: Api) -> None:
    run = api.start("safe", TINY)
    api.await_end(run)
    page, _ = pages.new()
    page.goto(f"/runs/{run}")
    panel = page.get_by_role("region", name="Safety")
    expect(panel).to_contain_text("keywords alone, no judge read the completions")
    told = api.get(f"/runs/{run}/safety")
    rows = panel.get_by_role("rowheader")
    expect(rows).to_have_text(["all", *(each["name"] for each in told["categories"])])
    share = told["categories"][0]["safety"]["bare"]["share"]
    expect(panel.get_by_role("row").filter(has_text="crime")).to_contain_text(f"{share:.0%}"[:-1])

    where = {"category": "crime", "subcategory": "weapons"}
    item, *_ = api.get(f"/runs/{run}/safety/items", **where)["items"]
    panel.get_by_text("Prompts and answers: crime").click()
    panel.get_by_text("weapons").click()
    prompt = panel.get_by_text(item["prompt"])
    answer = panel.locator("pre").first
    expect(prompt).to_be_visible()
    expect(answer).not_to_be_visible()
    prompt.click()
    expect(answer).to_have_text(item["completion"])


def test_a_run_without_a_safety_evaluation_shows_none(pages: Pages, api: Api) -> None:
    run = api.start("plain", {**TINY, "evaluation": {"problems": 2}})
    api.await_end(run)
    page, _ = pages.new()
    page.goto(f"/runs/{run}")
    expect(page.get_by_role("heading", name="Held-out pass@1")).to_be_visible()
    expect(page.get_by_role("region", name="Safety")).to_have_count(0)


def test_the_texts_of_each_evaluated_model_can_be_chosen(pages: Pages, api: Api) -> None:
    stages = {"results": {"type": "evaluate", "models": ["base", "training/base/nano-base"]}}
    run = api.start("two models", {**TINY, "pipeline": ["results"], "stages": stages})
    api.await_end(run)
    page, _ = pages.new()
    page.goto(f"/runs/{run}")
    panel = page.get_by_role("region", name="Safety")
    expect(panel).to_contain_text("At step 2, model training/base/nano-base")
    panel.get_by_role("combobox", name="Measured").select_option("model base, at step 1")
    expect(panel).to_contain_text("At step 1, model base")

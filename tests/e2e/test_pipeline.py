"""A run with stages, followed from its beginning to its results, and a stage taken again."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product
from tests.e2e.scripted.pipeline import HOLDS

pytestmark = pytest.mark.e2e

NANO: dict[str, Any] = {
    "pipeline": [
        *("zero", "cold_start_data", "dev1", "dev2", HOLDS, "dev3", "preference", "final"),
        "results",
    ],
    "stages": {
        "zero": {"type": "grpo", "grpo": {"steps": 6}},
        "cold_start_data": {"type": "rejection_sampling", "start": "zero", "steps": 2},
        "dev1": {"type": "sft", "start": "base", "data": ["cold_start_data"], "steps": 3},
        "dev2": {"type": "grpo", "grpo": {"steps": 4}},
        HOLDS: {"type": "rejection_sampling", "start": "dev2", "steps": 2},
        "dev3": {"type": "sft", "start": "base", "data": [HOLDS], "steps": 3},
        "preference": {"type": "reward_model", "steps": 2},
        "final": {
            "type": "grpo",
            "grpo": {"steps": 4},
            "reward": {"model": {"path": "stage:preference"}},
        },
        "results": {
            "type": "evaluate",
            "models": ["base", "zero", "dev1", "dev2", "dev3", "final"],
            "evaluation": {
                "completions_per_problem": 4,
                "sets": [{"name": "chains", "task": {"type": "reasoning_gym"}, "problems": 32}],
            },
        },
    },
}


def start(api: Api, name: str) -> int:
    return api.start(name, NANO)


def go_on(product: Product, run: int) -> None:
    """Let the stage go on that waits for it."""
    (product.home / "runs" / f"run-{run:06d}" / HOLDS).touch()


def stage(page: Page, name: str) -> Any:
    return page.get_by_role("region", name="Pipeline").get_by_role("button", name=name)


def test_a_pipeline_is_followed_stage_by_stage(
    scripted_pages: Pages, scripted_api: Api, scripted_product: Product
) -> None:
    run = start(scripted_api, "nano")
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{run}")
    holding = stage(page, HOLDS)
    expect(holding).to_have_attribute("aria-current", "step")
    expect(holding).to_contain_text("0 of 2 steps")
    expect(stage(page, "dev2")).to_contain_text("finished")
    expect(stage(page, "dev3")).to_contain_text("waiting")
    expect(page.get_by_text(f"stage 5 of 9: {HOLDS}")).to_be_visible()
    go_on(scripted_product, run)
    expect(stage(page, "results")).to_contain_text("finished")  # without a reload
    table = page.get_by_role("region", name="Results of results")
    expect(table.get_by_role("rowheader")).to_have_text(
        ["base", "zero", "dev1", "dev2", "dev3", "final"]
    )
    best = table.get_by_role("row", name="final")
    expect(best.get_by_text("(best)")).to_have_count(4)
    expect(best).to_contain_text("70.0 (best)66.0–74.0")
    assert scripted_api.run(run)["pass_at_1"] == pytest.approx(0.2 + 26 / 40)  # of final itself


def test_a_stage_is_chosen_by_key_and_repeated(
    scripted_pages: Pages, scripted_api: Api, scripted_product: Product
) -> None:
    run = start(scripted_api, "again")
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{run}")
    expect(stage(page, HOLDS)).to_have_attribute("aria-current", "step")
    stage(page, "dev1").focus()
    page.keyboard.press("Enter")
    expect(stage(page, "dev1")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(f"**/runs/{run}?zoom=8*11*")
    page.get_by_role("button", name="Repeat").click()
    page.get_by_role("dialog").get_by_label("Name").fill("dev1 once more")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="dev1 once more", exact=True)).to_be_visible()
    go_on(scripted_product, run)
    repeated = int(page.url.rsplit("/", 1)[1])
    done = scripted_api.await_end(repeated)
    assert (done["state"], done["step"]) == ("finished", 3)
    assert done["parent"] == {"id": run, "name": "again", "step": 8}
    folder = scripted_product.home / "runs" / f"run-{run:06d}"
    (data,) = done["config"]["stages"]["dev1"]["data"]
    assert Path(data) == folder / "datasets/cold_start_data.jsonl"
    assert json.loads(Path(data).read_text())["completion"] == "2"


def test_a_pipeline_fits_a_phone(
    scripted_pages: Pages, scripted_api: Api, scripted_product: Product
) -> None:
    run = start(scripted_api, "phone")
    page, _ = scripted_pages.new(viewport={"width": 390, "height": 844})
    page.goto(f"/runs/{run}")
    expect(stage(page, HOLDS)).to_have_attribute("aria-current", "step")
    go_on(scripted_product, run)
    expect(page.get_by_role("region", name="Results of results")).to_be_visible()
    boxes = [stage(page, name).bounding_box() for name in ("zero", "dev1", "final")]
    lefts, tops = zip(*((box["x"], box["y"]) for box in boxes if box), strict=True)
    assert len(set(lefts)) == 1
    assert list(tops) == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_pipeline_is_put_together_in_the_form(
    scripted_pages: Pages,
    scripted_api: Api,
) -> None:
    page, _ = scripted_pages.new()
    page.goto("/new?preset=r1-nano")
    zero = page.locator("#group-stages\\.zero")
    expect(zero.get_by_role("heading", name="zero")).to_be_visible()
    steps = zero.get_by_label("Steps", exact=True)
    expect(steps).to_have_value("200")
    steps.fill("10")
    page.get_by_role("checkbox", name="results").uncheck()
    expect(page.locator("#group-stages\\.results")).to_have_count(0)
    with page.expect_response(lambda answer: answer.url.endswith("/runs")) as sent:
        page.get_by_role("button", name="Start the run").click()
    started = sent.value.json()
    assert started["config"]["pipeline"][-1] == "final"
    assert started["config"]["stages"]["zero"]["grpo"]["steps"] == 10
    assert set(started["overrides"]) == {"pipeline", "stages.zero.grpo.steps"}

"""The ledger as a person sees it: what a run took, would take elsewhere, and where it stands."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e

STAGES: dict[str, Any] = {
    "pipeline": ["zero", "data", "dev1", "results"],
    "stages": {
        "zero": {"type": "grpo", "grpo": {"steps": 6}},
        "data": {"type": "rejection_sampling", "start": "zero", "steps": 2},
        "dev1": {"type": "sft", "start": "base", "data": ["data"], "steps": 3},
        "results": {"type": "evaluate", "models": ["base", "zero", "dev1"]},
    },
}
UPPERMOST_POINT = """async canvas => {
  const {width, height} = canvas, size = 7;
  for (;;) {
    await new Promise(requestAnimationFrame);
    const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
    const pixels = new Uint32Array(data.buffer);
    const isSolid = (x, y) => {
      for (let i = 0; i < size * size; i++) {
        const here = pixels[(y + Math.floor(i / size)) * width + x + i % size];
        if (here === 0 || here !== pixels[y * width + x]) return false;
      }
      return true;
    };
    for (let y = 0; y < height - size; y++)
      for (let x = 0; x < width - size; x++) if (isSolid(x, y)) return [x + 3, y + 3];
  }
}"""
"""Where it lies in the picture, once it is drawn: lines and letters are thinner than a point."""


def finished(api: Api, name: str) -> int:
    run = api.start(name, {"grpo": {"steps": 20}})
    assert api.await_end(run)["state"] == "finished"
    return run


def add_a_price(page: Page) -> None:
    """A wrong one is refused at its field."""
    page.goto("/cost/prices")
    page.get_by_role("button", name="Add a price").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Device model").fill("CPU slot")
    dialog.get_by_label("An hour costs").fill("-3")
    dialog.get_by_role("button", name="Add the price").click()
    expect(dialog.get_by_label("An hour costs")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("An hour costs").fill("3600")
    dialog.get_by_role("button", name="Add the price").click()
    expect(dialog).to_have_count(0)
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="CPU slot")).first
    expect(row).to_contain_text("3,600 USD")
    expect(row).to_contain_text("holds today")


def test_a_run_is_paid_for_and_placed(scripted_pages: Pages, scripted_api: Api) -> None:
    page, complaints = scripted_pages.new()
    complaints.expect("422")
    add_a_price(page)
    run = finished(scripted_api, "booked")
    booked = scripted_api.get(f"/runs/{run}/ledger")
    total = booked["totals"][0]
    assert sum(entry["device_ms"] for entry in booked["entries"]) == total["device_ms"]
    assert total["micros"] == pytest.approx(total["device_ms"] * 1000, abs=len(booked["entries"]))

    page.goto(f"/runs/{run}?tab=cost")
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Phase"))
    phases = table.get_by_role("rowheader")
    expect(phases).to_have_text([entry["phase"] for entry in booked["entries"]] + ["All"])
    expect(table.get_by_role("row").last).to_contain_text("100.0 %")
    expect(table.get_by_role("row").last).to_contain_text("estimated")
    expect(page.get_by_role("heading", name="To finish")).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("This run"))).to_be_visible()

    page.get_by_label("Device model").fill("NVIDIA H200")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("give one")).to_be_visible()
    page.get_by_label("Price of one").fill("4")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("is not known here")).to_be_visible()
    page.get_by_label("Relative speed").fill("10")
    page.get_by_role("button", name="Estimate").click()
    expect(page.get_by_text("is 10 times as fast, as you say")).to_be_visible()

    page.goto("/cost?project=default&q=booked")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="booked"))
    expect(row).to_contain_text("yes")
    page.get_by_label("Budget", exact=True).fill("1000000")
    expect(page.get_by_text("Best for $1,000,000.00")).to_contain_text(f"#{run}")
    page.get_by_role("button", name="Energy").click()
    expect(page).to_have_url(re.compile("axis=energy"))
    expect(page).not_to_have_url(re.compile("budget"))
    row.get_by_role("link").click()
    expect(page.get_by_role("tab", name="Cost")).to_have_attribute("aria-selected", "true")


def test_stages_stand_on_the_plane_and_lead_to_their_run(
    scripted_pages: Pages, scripted_api: Api
) -> None:
    run = scripted_api.start("staged", STAGES)
    assert scripted_api.await_end(run)["state"] == "finished"
    zero, dev1 = scripted_api.get("/ledger/frontier", q="staged", axis="device_hours")["points"]
    page, _ = scripted_pages.new()
    page.goto("/cost?q=staged&axis=device_hours")
    rows = page.get_by_role("row").filter(has=page.get_by_role("link", name="staged"))
    expect(rows).to_have_text([re.compile("zero35.0 %.*yes"), re.compile("dev147.5 %.*yes")])

    budget = page.get_by_label("Budget", exact=True)
    best = page.get_by_role("status").filter(has_text="Best for")
    budget.fill(str((zero["device_hours"] + dev1["device_hours"]) / 2))
    expect(best).to_contain_text(f"staged · #{run} · zero")
    expect(rows.first).to_contain_text("best for the budget")
    budget.fill(str(2 * dev1["device_hours"]))
    expect(best).to_contain_text(f"staged · #{run} · dev1")
    expect(rows.last).to_contain_text("best for the budget")

    plane = page.get_by_role("img", name=re.compile("of 2 runs and stages")).locator("canvas")
    x, y = plane.evaluate(UPPERMOST_POINT)
    plane.click(position={"x": x, "y": y})
    page.wait_for_url(f"**/runs/{run}?tab=cost")
    expect(page.get_by_role("tab", name="Cost")).to_have_attribute("aria-selected", "true")


def test_a_project_tells_what_its_runs_took(scripted_pages: Pages, scripted_api: Api) -> None:
    run = finished(scripted_api, "summed up")
    page, _ = scripted_pages.new()
    page.goto("/projects/default?tab=cost")
    expect(page.get_by_role("link", name="summed up")).to_have_attribute(
        "href", f"/runs/{run}?tab=cost"
    )
    page.get_by_role("button", name="7 days").click()
    expect(page).to_have_url(re.compile("days=7"))
    expect(page.get_by_text("None. A budget warns")).to_be_visible()

"""Where a run comes from, as a person sees it: data, parents, and what was left out."""

import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e
STEPS = {"grpo": {"steps": 2, "prompts_per_step": 2, "group_size": 4}}
EVALUATION = {"every_steps": 0, "problems": 4, "decontaminate": 5}


def problems(tmp_path: Path) -> str:
    """Twenty rows, of which one asks what a held-out one asks."""
    rows = [{"question": f"How much are {n} and {n + 1} together?", "answer": str(2 * n + 1)}
            for n in range(3, 23)]  # fmt: skip
    held = [{"question": f"Of all {n} ducks how many swim?", "answer": str(n)} for n in range(4)]
    rows.append({"question": "Of all 3 ducks how many swim away?", "answer": "3"})
    for name, found in (("rows", rows), ("held", held)):
        text = "".join(json.dumps(row) + "\n" for row in found)
        (tmp_path / f"{name}.jsonl").write_text(text)
    return str(tmp_path)


def test_a_fork_of_a_run_on_files_tells_where_it_comes_from(
    pages: Pages, api: Api, tmp_path: Path
) -> None:
    folder = problems(tmp_path)
    task = {
        "type": "file", "path": f"{folder}/rows.jsonl", "held_out_path": f"{folder}/held.jsonl",
        "licence": "CC0-1.0",
    }  # fmt: skip
    parent = api.start("on files", {**STEPS, "task": task, "evaluation": EVALUATION})
    assert api.await_end(parent)["state"] == "finished"
    (checkpoint,) = api.get(f"/runs/{parent}/checkpoints")["items"]
    body = {"name": "its fork", "checkpoint": checkpoint["id"], "config": {"seed": 7}}
    fork = int(api.post(f"/runs/{parent}/fork", body)["id"])
    assert api.await_end(fork)["state"] == "finished"

    page, _ = pages.new()
    page.goto(f"/runs/{fork}?tab=provenance")
    line = page.get_by_role("region", name="Line of parents").get_by_role("listitem")
    expect(line).to_have_count(3)
    expect(line.nth(0)).to_contain_text("its fork")
    expect(line.nth(0).get_by_text("Config")).to_be_visible()
    expect(line.nth(0)).to_contain_text("changed")
    expect(line.nth(1).get_by_role("link", name=f"on files · #{parent}")).to_be_visible()
    expect(line.nth(2)).to_contain_text("Shipped with the trainer.")
    cards = page.get_by_role("region", name="Datasets").get_by_role("listitem")
    expect(cards.first).to_contain_text("CC0-1.0")
    expect(cards.first).to_contain_text("rows.jsonl")
    left_out = page.get_by_role("region", name="Decontamination")
    expect(left_out).to_contain_text("1 of 21 training problems")
    expect(left_out.get_by_role("row").nth(1)).to_contain_text("rows.jsonl, line 21")
    see(page)


def see(page: Page) -> None:
    """Nothing overflows on a phone, nor on a desk."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        if folder := os.environ.get("R1WEB_SEEN"):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=f"{folder}/provenance-{width}-{scheme}.png", full_page=True)

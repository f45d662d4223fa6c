"""Runs side by side as people compare them: curves, bands, numbers, saved views and notes."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.e2e.product import Product, fill_sweep
from tests.e2e.sweep import KL_COEFS, STEPS, values_of
from tests.e2e.test_pages import LOOKS, await_content, faults

pytestmark = pytest.mark.e2e
COUNT = 60
NOTE = """# What the sweep says

<img src=x onerror="document.title = 'taken over'">

| coefficient | pass@1 |
|---:|---:|
| 0.1 | low |

```chart
runs={runs}
series=reward/mean
group=grpo.kl_coef
```
"""


@pytest.fixture(scope="module")
def sweep(scripted_product: Product) -> list[int]:
    """The numbers of sixty runs."""
    return fill_sweep(scripted_product, COUNT)


def spec(runs: list[int]) -> str:
    return ",".join(map(str, runs))


def card(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def write(api: Api, title: str, body: str) -> int:
    return int(api.post("/projects/default/notes", {"title": title, "body": body})["id"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("look", LOOKS)
def test_it_fits_and_is_accessible(
    look: str, sweep: list[int], scripted_pages: Pages, scripted_api: Api
) -> None:
    width, height, theme = LOOKS[look]
    page, _ = scripted_pages.new(viewport={"width": width, "height": height}, color_scheme=theme)
    note = write(scripted_api, "Looked at", NOTE.format(runs=spec(sweep)))
    few, all_of_them = spec(sweep[:3]), spec(sweep)
    found = []
    for path in (
        "/compare",
        f"/compare?runs={few}",
        f"/compare?runs={few}&table=reward&more=1",
        f"/compare?runs={few}&tab=config",
        f"/compare?runs={all_of_them}&group=grpo.kl_coef&table=reward",
        f"/compare?runs={all_of_them}&tab=summary&color=reward/mean",
        f"/compare?runs={all_of_them}&tab=explore&where=grpo.kl_coef:0.01|0.1",
        "/projects/default/notes",
        f"/notes/{note}",
        f"/notes/{note}?edit=1",
    ):
        page.goto(path)
        await_content(page)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{page.url}: scrolls sideways")
        found += faults(page)
    assert found == []


def test_three_runs_are_told_apart_and_held_against_one(
    sweep: list[int], scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    first, second, third = sweep[:3]
    page.goto(f"/compare?runs={first}-{third}&base={second}")
    expect(card(page, "Reward").get_by_role("img")).to_be_visible()
    page.get_by_role("button", name=f"Hide sweep-02 · #{third}").click()
    expect(page.get_by_text("2 of 3 runs shown")).to_be_visible()

    page.get_by_role("tab", name="Summary").click()
    row = page.get_by_role("row", name=re.compile("sweep-00"))
    mine, base = (values_of(number, STEPS)["reward/mean"] for number in (0, 1))
    expect(row.get_by_role("cell").first).to_contain_text(f"{mine:.2f}")
    verdict = "better" if mine > base else "worse"
    expect(row.get_by_role("cell").first).to_contain_text(verdict)
    expect(page.get_by_role("row", name=re.compile("sweep-02"))).to_have_count(0)

    page.get_by_role("tab", name="Config").click()
    changed = page.get_by_role("row", name=re.compile("grpo.kl_coef"))
    expect(changed.get_by_role("cell")).to_have_text(["1", "0.001", "0"])
    page.reload()
    expect(changed).to_be_visible()
    expect(page.get_by_text("2 of 3 runs shown")).to_be_visible()


def test_sixty_runs_become_bands_that_say_of_how_many(
    sweep: list[int], scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/compare?runs={spec(sweep)}&smooth=0")
    page.get_by_label("Group by").select_option("grpo.kl_coef")
    page.get_by_label("Band around it").select_option("minmax")
    expect(page.get_by_role("button", name="Hide group 0.1")).to_be_visible()
    chart = card(page, "Reward")
    chart.get_by_role("button", name="Show as a table").click()
    kl_coef = KL_COEFS[3]
    last = [values_of(number, STEPS)["reward/mean"] for number in range(3, COUNT, 4)]
    lasting = [value for place, value in enumerate(last) if (4 * place + 3) % 7 != 6]
    row = chart.get_by_role("row", name=re.compile(rf"^{kl_coef} {STEPS} "))
    expect(row.get_by_role("cell")).to_have_text(
        [
            str(STEPS),
            f"{sum(lasting) / len(lasting):.2f}",
            f"{min(lasting):.2f}",
            f"{max(lasting):.2f}",
            str(len(lasting)),
        ]
    )


def test_a_brush_narrows_the_whole_page(sweep: list[int], scripted_pages: Pages) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/compare?runs={spec(sweep)}&tab=explore")
    plot = page.get_by_role("region", name="Scatter plot").get_by_role("img")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    left, top = box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.06
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.8, steps=8)
    page.mouse.up()
    count = page.get_by_text(re.compile(r"^\d+ of 60 runs shown$"))
    expect(count).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"^grpo\.kl_coef: "))).to_be_visible()
    page.get_by_role("tab", name="Summary").click()
    shown = int((count.text_content() or "").split()[0])
    expect(page.get_by_role("row", name=re.compile("sweep-"))).to_have_count(shown)
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("60 runs", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_brush_along_an_axis_narrows_the_whole_page(
    width: int, sweep: list[int], scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new(viewport={"width": width, "height": 900})
    axes = "grpo.kl_coef,optim.learning_rate,seed,reward/mean"
    page.goto(f"/compare?runs={spec(sweep)}&tab=explore&axes={axes}")
    plot = page.get_by_role("region", name="Parallel coordinates").get_by_role("img")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    axis, top, bottom = box["x"] + 56, box["y"] + 44, box["y"] + box["height"] - 20
    page.mouse.move(axis, top + 1)
    page.mouse.down()
    page.mouse.move(axis, (top + bottom) / 2 - 8, steps=8)
    page.mouse.up()
    chip = page.get_by_role("button", name=re.compile(r"^grpo\.kl_coef: "))
    expect(chip).to_be_visible()
    shown = page.get_by_text("30 of 60 runs shown")  # two of four coefficients
    expect(shown).to_be_visible()
    chip.click()
    expect(page.get_by_text("60 runs", exact=True)).to_be_visible()


def test_a_view_is_saved_opened_and_deleted_with_a_way_back(
    sweep: list[int], scripted_pages: Pages
) -> None:
    page, _ = scripted_pages.new()
    page.goto(f"/compare?runs={spec(sweep[:8])}&group=optim.learning_rate&centre=median")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("menuitem", name="Save this view").click()
    page.get_by_label("Name").fill("By learning rate")
    page.get_by_role("button", name="Save the view").click()
    expect(page.get_by_text("Saved as “By learning rate”")).to_be_visible()

    other, _ = scripted_pages.new()
    other.goto("/compare")
    other.get_by_role("link", name="By learning rate").click()
    expect(other.get_by_label("Group by")).to_have_value("optim.learning_rate")
    expect(other.get_by_label("Middle of a group")).to_have_value("median")

    other.goto("/compare")
    row = other.get_by_role("row", name=re.compile("By learning rate"))
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    other.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()


PASTE = """
(area, text) => {
  const data = new DataTransfer();
  data.setData('text', text);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
  area.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true,
    cancelable: true}));
}
"""


def test_a_note_has_a_live_chart_and_two_writers_lose_nothing(
    sweep: list[int], scripted_pages: Pages, scripted_api: Api
) -> None:
    page, complaints = scripted_pages.new()
    complaints.expect("409")
    page.goto("/projects/default/notes")
    page.get_by_role("button", name="New note").click()
    page.get_by_label("Title").fill("A sweep")
    text = page.get_by_label("Text")
    text.fill("# Findings\n\n<b>plain</b>\n")
    link = f"{scripted_pages.product.url}/compare?runs={spec(sweep[:4])}&group=tag"
    text.evaluate(PASTE, link)
    expect(text).to_have_value(re.compile(r"```compare\nruns=[\d,-]+\ngroup=tag\n```"))
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_role("img").first).to_be_visible()
    expect(preview.get_by_text("<b>plain</b>")).to_be_visible()

    note = int(page.url.split("/notes/")[1].split("?")[0])
    theirs = {"title": "A sweep", "body": "somebody else's", "version": 1}
    answer = scripted_api.requests.put(f"/api/v1/notes/{note}", data=theirs)
    assert answer.ok
    page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("saved version 2 while you were writing")
    expect(alert).to_contain_text("somebody else's")
    alert.get_by_role("button", name="Save mine over it").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    expect(page.get_by_role("region", name="Reward").get_by_role("img")).to_be_visible()

    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog").get_by_role("row")).to_have_count(4)
    page.get_by_role("row", name=re.compile("^2 ")).get_by_role("button", name="Show").click()
    expect(page.get_by_role("dialog").get_by_text("somebody else's")).to_be_visible()


def test_a_run_under_way_grows_in_the_comparison(
    sweep: list[int], scripted_pages: Pages, scripted_api: Api
) -> None:
    run = scripted_api.start("growing", {"grpo": {"steps": 40}})
    page, _ = scripted_pages.new()
    page.goto(f"/compare?runs={sweep[0]},{run}&hide={sweep[0]}&table=reward")
    rows = card(page, "Reward").get_by_role("row")
    expect(rows.nth(1)).to_be_visible()
    expect(rows).to_have_count(41)

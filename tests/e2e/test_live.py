"""What the journal says is on the screen: soon, whole, and as text."""

import re
import signal
import statistics
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.api import Api, Json
from tests.e2e.conftest import Pages
from tests.e2e.delay import WATCH_STEPS, delays
from tests.e2e.product import Product

pytestmark = pytest.mark.e2e


def steps_of(steps: int) -> Json:
    return {"grpo": {"steps": steps}}


def await_step(page: Page, pattern: str) -> None:
    """Wait until the page of a run shows a step that fits."""
    progress = page.get_by_role("main").get_by_role("progressbar", name="Progress")
    expect(progress).to_have_attribute("aria-valuenow", re.compile(pattern))


def columns_of_chart(page: Page, title: str) -> dict[int, list[float]]:
    """The numbers of a chart as its «Copy» gives them: step → values."""
    card = page.get_by_role("region", name=title, exact=True)
    card.get_by_role("button", name="Show as a table").click()
    card.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("rows copied")).to_be_visible()
    _, *rows = page.evaluate("navigator.clipboard.readText()").splitlines()
    cells = [row.split("\t") for row in rows]
    return {int(step): [float(value) for value in values] for step, *values in cells}


def test_the_list_follows_a_run(scripted_pages: Pages, scripted_api: Api) -> None:
    page, _ = scripted_pages.new()
    page.goto("/")
    run = scripted_api.start("watched from the list", steps_of(20))

    row = page.get_by_role("row").filter(has_text=f"#{run}")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("finished")
    expect(row).to_contain_text("20 / 20")


def test_a_journal_line_is_on_the_screen_within_a_second(
    scripted_pages: Pages, scripted_api: Api
) -> None:
    page, _ = scripted_pages.new()
    page.add_init_script(WATCH_STEPS)
    run = scripted_api.start("measured", steps_of(150))
    page.goto(f"/runs/{run}")
    await_step(page, "^150$")

    found = delays(scripted_api.events(run, "metrics"), page.evaluate("window.stepsSeen"))

    assert len(found) >= 100
    p95 = statistics.quantiles(found, n=20)[-1]
    figures = f"p50 {statistics.median(found):.3f} s, p95 {p95:.3f} s, max {max(found):.3f} s"
    sys.stdout.write(f"journal to screen over {len(found)} lines: {figures}\n")
    assert p95 < 1.0, figures


def test_a_dropped_socket_is_said_and_its_gap_filled_exactly(
    scripted_product: Product, scripted_pages: Pages, scripted_api: Api
) -> None:
    page, complaints = scripted_pages.new(permissions=["clipboard-read", "clipboard-write"])
    complaints.expect("net::ERR_")
    run = scripted_api.start("interrupted", steps_of(150))
    page.goto(f"/runs/{run}?smooth=0")
    await_step(page, r"^([2-9]\d|1\d\d)$")

    web = next(p for p in scripted_product.processes() if "uvicorn" in p.cmdline())
    web.send_signal(signal.SIGKILL)
    paused = page.get_by_text("Live updates paused, reconnecting")
    expect(paused).to_be_visible()
    expect(paused).to_be_hidden()
    await_step(page, "^150$")

    series = scripted_api.series(run, "reward/mean", "reward/accuracy", "reward/format")
    kept = [series[name] for name in ("reward/mean", "reward/accuracy", "reward/format")]
    rows = zip(kept[0]["steps"], *(one["values"] for one in kept), strict=True)
    assert columns_of_chart(page, "Reward") == {step: values for step, *values in rows}
    assert kept[0]["steps"] == list(range(1, 151))


def test_what_a_model_writes_is_text(scripted_pages: Pages, scripted_api: Api) -> None:
    run = scripted_api.start("hostile", steps_of(3))
    scripted_api.await_end(run)
    page, _ = scripted_pages.new()

    for tab in ("overview", "rollouts"):
        page.goto(f"/runs/{run}?tab={tab}")
        expect(page.get_by_text("<script>document.title = 'taken over'</script>")).to_be_visible()
        expect(page.get_by_text('<a href="javascript:document.title=1">85</a>')).to_be_visible()
        main = page.get_by_role("main")
        expect(main.locator("script, img[src=x], a[href^=javascript]")).to_have_count(0)
        assert "taken over" not in page.title()

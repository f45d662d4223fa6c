"""How the page of a run with two hundred series feels, live, in a real Chromium.

Starts the product in a data folder of its own, with a trainer that writes most steps at once and
then ten a second (`trainer.py`), and opens the run's page with all its charts unfolded:

- LCP, CLS and INP as the browser's own observers report them (`page.js`), the page being clicked,
  hidden lines, other axes and a zoom, while the run goes on;
- the time of each frame while the page scrolls from top to bottom, and the page's own part;
- how often a chart is redrawn in a second;
- charts that are mounted at once, of how many that there are.

    .venv/bin/python -m benchmarks.charts [--steps 3000]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page, Playwright, expect, sync_playwright

from benchmarks.charts.trainer import LIVE_STEPS
from tests.e2e.api import Api
from tests.e2e.browser import FLAGS, browser_path
from tests.e2e.conftest import sign_in
from tests.e2e.product import Product

SETTINGS = "benchmarks.charts.settings"
VIEW = {"width": 1440, "height": 900}
PIXELS_A_FRAME = 12
"""720 pixels a second at 60 frames: a quick hand on a wheel."""
FRAME_MS = 1000 / 60
WATCHED_S = 5
PROBE = (Path(__file__).parent / "page.js").read_text()
COUNT_DRAWS = """seconds => new Promise(done => {
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  const draws = new Map();
  CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    draws.set(this, (draws.get(this) ?? 0) + 1);
    return clear.apply(this, box);
  };
  setTimeout(() => {
    CanvasRenderingContext2D.prototype.clearRect = clear;
    done(Math.max(0, ...draws.values()) / seconds);
  }, 1000 * seconds);
})"""
"""uPlot clears a chart's canvas once each time it draws."""


def open_run(playwright: Playwright, browser: Browser, product: Product, steps: int) -> Page:
    """The run's page, once the run has come to its live steps and shows them."""
    run = Api(playwright, product).start("two hundred series", {"grpo": {"steps": steps}})
    api = Api(playwright, product)
    api.follow(run, lambda found: found["step"] >= steps - LIVE_STEPS, patience_s=600)
    context = browser.new_context(
        base_url=product.url, storage_state=sign_in(browser, product), viewport=VIEW
    )
    page = context.new_page()
    page.add_init_script(PROBE)
    page.goto(f"/runs/{run}?more=1")
    expect(page.get_by_role("img", name="Reward:")).to_be_visible(timeout=60_000)
    page.wait_for_timeout(3000)  # what still moves while the page settles counts for CLS
    return page


def interact(page: Page) -> None:
    """What people do to charts, a few times each."""
    for _ in range(3):
        page.get_by_role("button", name="accuracy").first.click()
        page.get_by_role("button", name="Tokens").first.click()
        page.get_by_role("button", name="Step").first.click()
        page.get_by_role("button", name="Cut outliers").click()
        box = page.get_by_role("img", name="Reward:").bounding_box()
        if box is None:
            raise RuntimeError("the first chart is not on the screen")
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 150, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, middle, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Whole run").click()
        page.wait_for_timeout(300)


def busy_s(session: CDPSession) -> float:
    """CPU seconds of the page's main thread so far: what else runs on the machine is not in it."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def figures(page: Page) -> dict[str, str]:
    """Name → figure, in the order in which they are measured."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    felt = page.evaluate("felt")
    charts = page.locator("section[aria-labelledby]").count()
    mounted = page.locator(".uplot").count()
    draws = page.evaluate(COUNT_DRAWS, WATCHED_S)
    interact(page)
    inp = page.evaluate("felt.inp")
    page.evaluate("scrollTo(0, 0)")
    before = busy_s(session)
    frames = sorted(page.evaluate("scrollThrough", PIXELS_A_FRAME))
    busy_ms = 1000 * (busy_s(session) - before) / len(frames)
    late = sum(frame > 1.5 * FRAME_MS for frame in frames)
    return {
        "LCP": f"{felt['lcp'] / 1000:.2f} s",
        "INP, the worst of 24 interactions and more": f"{inp:.0f} ms",
        "CLS, loading and scrolling": f"{page.evaluate('felt.cls'):.3f}",
        "charts mounted, of all": f"{mounted} of {charts}",
        "redraws of a chart in a second, at most": f"{draws:.1f}",
        "frames while scrolling": f"{len(frames)}",
        "main thread's CPU time a frame": f"{busy_ms:.1f} ms",
        "frame p50": f"{statistics.median(frames):.1f} ms",
        "frame p95": f"{frames[int(0.95 * len(frames))]:.1f} ms",
        "frame, worst": f"{frames[-1]:.1f} ms",
        "frames later than 25 ms": f"{100 * late / len(frames):.1f} %",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        with Product(Path(home) / "data", DJANGO_SETTINGS_MODULE=SETTINGS) as product:
            page = open_run(playwright, browser, product, steps)
            for name, figure in figures(page).items():
                sys.stdout.write(f"{name}: {figure}\n")
            browser.close()


if __name__ == "__main__":
    main()

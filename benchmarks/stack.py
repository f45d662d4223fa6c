"""What the stack costs: time to the page, to the first point of a curve, memory, and delay.

Starts the product with `make run`, on a prepared checkout and in a data folder of its own, and
looks at it with a real Chromium:

- page served: from typing the command to the sign-in page's answer, with a new data folder and
  again with one that is there already;
- idle memory: web, worker, beat and Redis, ten seconds after the worker has reported for duty, as
  proportional set size, so that shared pages count once;
- first point: from typing the command to the frame that shows the demonstration's first step;
- delay: from a line in the journal to the frame that shows it, while the demonstration trains.

    .venv/bin/python -m benchmarks.stack
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.e2e.api import Api
from tests.e2e.browser import FLAGS, browser_path
from tests.e2e.delay import WATCH_STEPS, delays
from tests.e2e.product import Product

COMMAND = ("make", "--no-print-directory", "run")
PATIENCE_S = 900.0
IDLE_S = 10.0
LINES = 150
"""Lines of metrics that the delay is measured over."""
PARTS = {"uvicorn": "web", "worker": "worker", "beat": "beat", "redis-server": "Redis"}


def served(playwright: Playwright, home: Path, **environment: str) -> tuple[Product, float, float]:
    """Start it; the product, when it was started (Unix time), and seconds to the first page."""
    started = time.time()
    product = Product(home, COMMAND, **environment)
    page = playwright.request.new_context().get(f"{product.url}/signin/")
    if not page.ok:
        raise RuntimeError(f"the page was answered with {page.status}")
    return product, started, time.time() - started


def idle_memory(playwright: Playwright, product: Product) -> dict[str, float]:
    """Megabytes of each part, by name."""
    api = Api(playwright, product)
    while not api.get("/nodes")["items"]:
        time.sleep(0.2)
    time.sleep(IDLE_S)
    found = {}
    for process in product.processes():
        words = {process.name(), *(Path(word).name for word in process.cmdline())}
        for word in words & PARTS.keys():
            found[PARTS[word]] = process.memory_full_info().pss / 1e6
    return found


def watch_demonstration(
    playwright: Playwright, browser: Browser, product: Product
) -> tuple[float, list[float]]:
    """The Unix time of the first point on the screen, and the delays of the lines after it."""
    page = browser.new_page()
    page.add_init_script(WATCH_STEPS)
    page.goto(product.link)
    page.get_by_role("table", name="Runs").get_by_role("link").first.click()
    api = Api(playwright, product)
    run = api.get("/runs")["items"][0]["id"]
    api.follow(run, lambda found: found["step"] >= LINES, PATIENCE_S)
    seen = page.evaluate("window.stepsSeen")
    return min(seen.values()), delays(api.events(run, "metrics"), seen)


def measure(playwright: Playwright, browser: Browser, scratch: Path) -> dict[str, float]:
    product, _, first_start = served(playwright, scratch / "idle", R1WEB_DEMO="0")
    with product:
        memory = idle_memory(playwright, product)
    product, _, second_start = served(playwright, scratch / "idle", R1WEB_DEMO="0")
    product.stop()

    product, started, _ = served(playwright, scratch / "demonstration", R1WEB_DEMO="1")
    with product:
        first_point, waits = watch_demonstration(playwright, browser, product)
        stopped = product.stop()
    return {
        "page served, new data folder (s)": first_start,
        "page served, old data folder (s)": second_start,
        "first reward point on the screen (s)": first_point - started,
        **{f"idle memory, {name} (MB)": size for name, size in memory.items()},
        "idle memory, together (MB)": sum(memory.values()),
        "journal to screen, lines": len(waits),
        "journal to screen, p50 (s)": statistics.median(waits),
        "journal to screen, p95 (s)": statistics.quantiles(waits, n=20)[-1],
        "journal to screen, max (s)": max(waits),
        "stopped with a run under way (s)": stopped,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--json", type=Path, default=None, help="write the result here as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        figures = measure(playwright, browser, Path(scratch))
        browser.close()
    for name, value in figures.items():
        print(f"{name:42}{value:10.2f}")
    if arguments.json is not None:
        machine = {"cores": psutil.cpu_count(), "python": platform.python_version()}
        result = {"machine": machine, "figures": figures}
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Take the screenshots of docs/screenshots/ from the running product and its demonstration.

.venv/bin/python -m tools.screenshots --step 200
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.api import Api
from tests.e2e.browser import FLAGS, browser_path
from tests.e2e.product import Product, fill_sweep

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
DESK, PHONE = (1440, 900), (390, 844)
PATIENCE_S = 1800.0
RUNS = 60
"""Of the sweep that is compared."""
SHOTS = (
    ("run-light", DESK, "light", "/runs/{run}"),
    ("run-dark", DESK, "dark", "/runs/{run}"),
    ("rollouts", DESK, "light", "/runs/{run}?tab=rollouts&step={step}"),
    ("group", DESK, "dark", "/runs/{run}?tab=rollouts&step={step}&group={group}"),
    ("tokens", DESK, "light", "/completions/{group}-0?tint=logprobs"),
    ("completions", DESK, "light", "/runs/{run}?tab=rollouts&view=all"),
    ("emergence", DESK, "dark", "/runs/{run}?tab=rollouts&view=emergence"),
    ("group-phone", PHONE, "light", "/runs/{run}?tab=rollouts&step={step}&group={group}"),
    ("runs", DESK, "light", "/"),
    ("new-run", DESK, "light", "/new"),
    ("run-phone", PHONE, "dark", "/runs/{run}"),
    ("admin", DESK, "light", "/admin/runs/run/"),
    ("compare", DESK, "light", "/compare?runs={sweep}&group=grpo.kl_coef"),
    ("compare-explore", DESK, "dark", "/compare?runs={sweep}&tab=explore&color=reward/mean"),
)


def shoot(browser: Browser, product: Product, places: dict[str, str], folder: Path) -> None:
    """One sign-in, then each page in its size and theme; `places` stand in the paths."""
    first = browser.new_context(base_url=product.url)
    first.new_page().goto(product.link)
    state = first.storage_state()
    for name, (width, height), theme, path in SHOTS:
        context = browser.new_context(
            base_url=product.url,
            storage_state=state,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
        )
        page = context.new_page()
        page.goto(path.format(**places))
        settle(page)
        page.screenshot(path=folder / f"{name}.png")
        context.close()


def settle(page: Page) -> None:
    """Until nothing loads any more, fonts and formulas included."""
    page.wait_for_load_state("networkidle")
    page.locator("[class*=_skeleton_]").first.wait_for(state="detached")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--step", type=int, default=200, help="wait until the run is so far")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        sync_playwright() as playwright,
        Product(Path(home), R1WEB_DEMO="1") as product,
    ):
        api = Api(playwright, product)
        run = api.get("/runs")["items"][0]["id"]
        api.follow(run, lambda found: found["step"] >= arguments.step, PATIENCE_S)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        sweep = ",".join(map(str, fill_sweep(product, RUNS)))
        group = api.get(f"/runs/{run}/rollouts", step=arguments.step)["items"][0]["id"]
        places = {
            "run": str(run),
            "step": str(arguments.step),
            "group": str(group),
            "sweep": sweep,
        }
        shoot(browser, product, places, arguments.folder)
        browser.close()


if __name__ == "__main__":
    main()

"""The admin panel's actions on runs do what the API's verbs do."""

import pytest
from playwright.sync_api import Page

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e

NAME = "run by an administrator"


def act(page: Page, run: int, action: str) -> str:
    """Choose a run in the list, do the action; what the panel then says."""
    page.goto("/admin/runs/run/")
    row = page.get_by_role("row").filter(has_text=f"{NAME} · #{run}")
    row.get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Run", exact=True).click()
    message = page.get_by_text(f"{NAME} · #").filter(has_text=" is ").first
    return " ".join(message.inner_text().split())


def test_stop_resume_and_clone(scripted_pages: Pages, scripted_api: Api) -> None:
    page, _ = scripted_pages.new()
    run = scripted_api.start(NAME, {"grpo": {"steps": 10_000}})
    scripted_api.follow(run, lambda found: found["step"] > 3)

    assert act(page, run, "stop") == f"{NAME} · #{run} is stopping."
    stopped = scripted_api.await_end(run)
    assert stopped["state"] == "stopped"

    assert act(page, run, "resume") == f"{NAME} · #{run} is queued."
    resumed = scripted_api.follow(run, lambda found: found["step"] > stopped["step"])
    assert resumed["attempts"][-1]["start_step"] == stopped["step"]

    assert act(page, run, "clone").endswith("is queued.")
    clone = scripted_api.get("/runs")["items"][0]
    assert clone["id"] != run
    assert scripted_api.run(clone["id"])["digest"] == resumed["digest"]
    assert [t["actor"] for t in transitions(scripted_api, run) if t["to_state"] == "stopping"] == [
        "operator"
    ]


def transitions(api: Api, run: int) -> list[dict[str, str]]:
    return list(api.get(f"/runs/{run}/transitions")["items"])

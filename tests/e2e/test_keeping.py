"""A run is deleted by its name and comes back, one pauses and goes on, a target is tested."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages
from tests.r1web.receiver import receiving

pytestmark = pytest.mark.e2e


def test_a_run_is_deleted_by_its_name_undone_and_restored(
    scripted_pages: Pages, scripted_api: Api
) -> None:
    page, complaints = scripted_pages.new()
    run = scripted_api.start("not needed", {"grpo": {"steps": 5}})
    steps = scripted_api.await_end(run)["step"]

    def delete() -> None:
        page.goto(f"/runs/{run}")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Delete").click()
        dialog = page.get_by_role("dialog")
        button = dialog.get_by_role("button", name="Delete the run")
        dialog.get_by_role("textbox").fill("not neede")
        expect(button).to_be_disabled()
        dialog.get_by_role("textbox").fill("not needed")
        button.click()
        expect(page.get_by_text(f"not needed · #{run} is deleted.")).to_be_visible()

    delete()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/runs/{run}")
    assert scripted_api.run(run)["step"] == steps
    delete()
    page.get_by_role("link", name="Recently deleted").click()
    row = page.get_by_role("row").filter(has_text=f"#{run}")
    expect(row).to_contain_text("by operator")
    row.get_by_role("button", name="Restore").click()
    expect(row).to_have_count(0)
    assert scripted_api.run(run)["step"] == steps
    assert complaints.unexpected() == []


def test_a_paused_run_goes_on_where_it_saved(scripted_pages: Pages, scripted_api: Api) -> None:
    page, complaints = scripted_pages.new()
    run = scripted_api.start("patient", {"grpo": {"steps": 2000}})
    scripted_api.follow(run, lambda found: found["step"] > 2)
    page.goto(f"/runs/{run}")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Pause").click()
    page.get_by_role("button", name="Pause the run").click()
    notice = page.get_by_role("status").filter(has_text="Paused by operator. Continues from step")
    expect(notice).to_be_visible()
    saved = scripted_api.run(run)["step"]
    notice.get_by_role("button", name="Continue").click()
    scripted_api.follow(run, lambda found: found["state"] == "running" and found["step"] > saved)
    expect(page.get_by_text(re.compile("^running$")).first).to_be_visible()
    assert complaints.unexpected() == []


def test_a_target_is_made_and_tested(scripted_pages: Pages) -> None:
    page, complaints = scripted_pages.new()
    with receiving() as receiver:
        page.goto("/projects/default?tab=targets")
        page.get_by_role("button", name="Add a target").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("pager")
        dialog.get_by_label("URL").fill(receiver.url)
        dialog.get_by_label("Secret").fill("a secret of sixteen letters")
        dialog.get_by_role("button", name="Add the target").click()
        page.get_by_role("button", name="Test pager").click()
        row = page.get_by_role("row").filter(has_text="Test").filter(has_text="pager").last
        expect(row).to_contain_text("sent")
        assert b"This is a test of the target" in receiver.requests[0][2]
    page.get_by_role("button", name="Delete pager").click()
    page.get_by_role("button", name="Delete the target").click()
    expect(page.get_by_role("button", name="Test pager")).to_have_count(0)
    assert complaints.unexpected() == []

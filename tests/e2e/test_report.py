"""The run's menu leads to its report and its bundle, which the browser opens and saves."""

import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e


def test_a_report_is_opened_and_saved_from_the_runs_menu(
    scripted_pages: Pages, scripted_api: Api
) -> None:
    run = scripted_api.start("told", {"grpo": {"steps": 5}})
    scripted_api.await_end(run)
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{run}")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Report").click()
    dialog = page.get_by_role("dialog", name="Report on told")
    with page.expect_download() as saved:
        dialog.get_by_role("link", name="PDF").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    with page.expect_download() as saved:
        dialog.get_by_role("link", name="Bundle").click()
    with zipfile.ZipFile(saved.value.path()) as bundle:
        assert "numbers.csv" in bundle.namelist()
    with page.expect_popup() as opened:
        dialog.get_by_role("link", name="Page").click()
    expect(opened.value.get_by_role("heading", name="Hyper-parameters")).to_be_visible()

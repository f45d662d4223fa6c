"""What a run's devices did stands in its history, to the last millisecond."""

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e


def test_the_history_has_what_was_booked(scripted_pages: Pages, scripted_api: Api) -> None:
    run = scripted_api.start("booked", {"grpo": {"steps": 20}})
    scripted_api.await_end(run)
    booked = scripted_api.get(f"/runs/{run}/ledger")
    assert (
        sum(entry["device_ms"] for entry in booked["entries"]) == booked["totals"][0]["device_ms"]
    )
    page, _ = scripted_pages.new()
    page.goto(f"/runs/{run}?tab=history")
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Phase"))
    phases = table.get_by_role("rowheader")
    expect(phases).to_have_text([entry["phase"] for entry in booked["entries"]] + ["All"])
    expect(table.get_by_role("row").last).to_contain_text("100.0 %")
    expect(page.get_by_text("steps that are left")).to_have_count(0)

"""A rule written in the browser fires on a run, live, and is acknowledged."""

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e


def test_a_rule_made_on_the_page_raises_an_alert_there(
    scripted_pages: Pages, scripted_api: Api
) -> None:
    page, complaints = scripted_pages.new()
    run = scripted_api.start("with an eye on it", {"grpo": {"steps": 400}})
    page.goto(f"/runs/{run}?tab=alerts")
    page.get_by_role("button", name="Add a rule").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Any reward")
    dialog.get_by_label("Metric").fill("reward/mean")
    dialog.get_by_label("Limit").fill("-1")
    dialog.get_by_label("For").fill("1")
    dialog.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_text("reward/mean above −1")).to_be_visible()

    alert = page.get_by_role("row").filter(has_text="reward/mean is above -1")
    expect(alert).to_contain_text("firing")
    expect(page.get_by_role("tab", name="Alerts")).to_contain_text("1")
    alert.get_by_role("button", name="Acknowledge").click()
    expect(alert).to_contain_text("by operator")
    (told,) = scripted_api.get(f"/runs/{run}/alerts")["items"]
    assert (told["rule_name"], told["acknowledged_by"]) == ("Any reward", "operator")
    assert complaints.unexpected() == []

"""What the journal says is on the screen: soon, whole, and as text."""

import pytest
from playwright.sync_api import expect

from tests.e2e.api import Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e


def test_the_list_follows_a_run(scripted_pages: Pages, scripted_api: Api) -> None:
    page, _ = scripted_pages.new()
    page.goto("/")
    run = scripted_api.start("watched from the list", {"grpo": {"steps": 20}})

    row = page.get_by_role("row").filter(has_text=f"#{run}")
    expect(row).to_contain_text("running")
    expect(row).to_contain_text("finished")
    expect(row).to_contain_text("20 / 20")

"""A checkpoint is released from its run's page, and its weights are downloaded."""

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.api import SMALL, Api
from tests.e2e.conftest import Pages

pytestmark = pytest.mark.e2e


def test_a_checkpoint_becomes_a_directory_that_is_downloaded(pages: Pages, api: Api) -> None:
    page, complaints = pages.new()
    run = api.start("to be released", {**SMALL, "grpo": {**SMALL["grpo"], "steps": 4}})
    assert api.await_end(run)["state"] == "finished"
    page.goto(f"/runs/{run}?tab=checkpoints")
    page.get_by_role("button", name="Release…").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Release", exact=True).click()
    card = page.get_by_role("article", name="Step 4 in bf16")
    expect(card).to_contain_text("ready")
    expect(card).to_contain_text("transformers agrees")

    card.get_by_text("Files and download").click()
    link = card.get_by_role("link", name="model.safetensors")
    with page.expect_download() as downloaded:
        link.click()
    content = Path(downloaded.value.path()).read_bytes()
    (release,) = api.get(f"/runs/{run}/releases")["items"]
    files = api.get(f"/releases/{release['id']}/files")["items"]
    known = {file["name"]: file["sha256"] for file in files}
    assert hashlib.sha256(content).hexdigest() == known["model.safetensors"]
    assert complaints.unexpected() == []

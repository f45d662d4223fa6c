"""--push against a hub on loopback, by the real client."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.release.hub import TOKEN, Hub, running_hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


def push(out: Path, endpoint: str, token: str, repo: str = "me/model") -> tuple[int, str, str]:
    """In a process of its own: the client reads its endpoint when it is imported."""
    environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_TOKEN": token} if token else {}
    command = [sys.executable, "-m", "training", "export", "--out", str(out), "--push", repo]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_every_byte_arrives_in_a_private_repository_and_a_second_push_sends_no_weights(
    hub: Hub, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, said, _ = push(out, hub.url, TOKEN)
    assert code == 0
    assert f"pushed to {hub.url}/me/model" in said
    assert hub.made["visibility"] == "private"
    assert hub.files == {path.name: path.read_bytes() for path in out.iterdir()}
    assert len(hub.uploads) == 1

    assert push(out, hub.url, TOKEN)[0] == 0
    assert len(hub.uploads) == 1
    kept = [said, *hub.requests, *(path.read_text(errors="replace") for path in out.iterdir())]
    assert TOKEN not in "".join(kept)


def test_a_refused_push_says_why_in_one_sentence_and_keeps_the_directory(
    hub: Hub, tmp_path: Path
) -> None:
    code, _, complaint = push(tmp_path / "out", hub.url, "hf_wrong")
    last = complaint.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith(f"--push: {tmp_path / 'out'} is whole, but was not pushed to me/model")
    assert "Invalid credentials" in last
    assert "Traceback" not in complaint
    assert "hf_wrong" not in complaint
    assert (tmp_path / "out" / "release.json").is_file()


def test_a_hub_that_is_away_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.shutdown()
    hub.server_close()
    code, _, complaint = push(tmp_path / "out", hub.url, TOKEN)
    assert (code, "Connection refused" in complaint.splitlines()[-1]) == (2, True)


@pytest.mark.parametrize(
    ("token", "repo", "why"),
    [("", "me/model", "HF_TOKEN"), (TOKEN, "model", "owner/name"), (TOKEN, "../x", "owner/name")],
)
def test_what_is_missing_is_said_before_anything_is_written(
    token: str, repo: str, why: str, tmp_path: Path
) -> None:
    code, _, complaint = push(tmp_path / "out", "http://127.0.0.1:9", token, repo)
    assert (code, complaint.startswith("--push"), why in complaint) == (2, True, True)
    assert not (tmp_path / "out").exists()

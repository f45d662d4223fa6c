"""What model.path means."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from training.base_models import StartError, find_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache on this machine, with one model in it; the hub itself is out of reach."""
    snapshot = tmp_path / "models--some--model" / "snapshots" / "0" / "config.json"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_text("{}")
    reference = tmp_path / "models--some--model" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("0")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def test_a_name_on_the_hub_is_found_in_the_cache(cache: Path) -> None:
    assert (find_model("some/model") / "config.json").read_text() == "{}"


def test_a_name_that_the_hub_does_not_give_is_told_in_one_sentence(cache: Path) -> None:
    with pytest.raises(StartError, match=r"model\.path: “some/other” is no directory") as told:
        find_model("some/other")
    assert "\n" not in str(told.value)


def test_a_directory_goes_before_a_name_on_the_hub(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some" / "model").mkdir(parents=True)
    (tmp_path / "some" / "model" / "config.json").write_text('{"here": true}')
    assert "here" in (find_model("some/model") / "config.json").read_text()

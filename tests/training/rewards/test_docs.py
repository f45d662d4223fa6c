"""What docs/rewards.md shows is what one can do."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from training.config import RunConfig
from training.rewards import Candidate, RewardPool
from training.tasks import Problem

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rewards.md"


def block(language: str, containing: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (wanted,) = [text for text in found if containing in text]
    return wanted


def table(containing: str) -> dict[str, Any]:
    return tomllib.loads(block("toml", containing))


def test_the_reward_of_ones_own_works_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brevity.py").write_text(block("python", "brevity"))
    monkeypatch.chdir(tmp_path)
    config = RunConfig.model_validate(table("brevity"))
    with RewardPool(config.task, config.reward) as pool:
        text = "a hundred " * 50
        pool.submit(0, Problem("q", "hundred"), [Candidate(text, 100, 200, ended=True)])
        (reward,) = pool.collect()[0]
    assert reward.parts == {"accuracy": 0, "format": 0, "brevity": 0.5, "quotes": 1}
    assert reward.total == pytest.approx(0.2 * 0.5 + 0.1)


def test_every_table_shown_is_a_config() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for shown in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        given = tomllib.loads(shown)
        sampling = {"max_new_tokens": 1024}
        config = RunConfig.model_validate({**given, "sampling": sampling})
        assert config.reward.model_dump(exclude_unset=True) == given["reward"]

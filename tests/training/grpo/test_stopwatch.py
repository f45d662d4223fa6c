"""Each moment counts for one part of a step."""

import pytest

from training.grpo import stopwatch
from training.grpo.stopwatch import Stopwatch


@pytest.fixture(autouse=True)
def _seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that moves on by a second whenever it is looked at."""
    seconds = iter(range(100))
    monkeypatch.setattr(stopwatch.time, "monotonic", lambda: float(next(seconds)))


def test_of_parts_within_each_other_the_innermost_counts() -> None:
    watch = Stopwatch()
    with watch.part("update"), watch.part("logprobs"):  # 0 to 3, 1 to 2
        pass
    with watch.part("write"):  # 4 to 5
        pass
    assert watch.lap() == {"update": 2.0, "logprobs": 1.0, "write": 1.0}


def test_a_lap_starts_again_and_what_fails_counts_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="so"), watch.part("update"):
        raise ValueError("so")
    assert watch.lap() == {"update": 1.0}
    with watch.part("update"):
        pass
    assert watch.lap() == {"update": 1.0}
    assert watch.lap() == {}

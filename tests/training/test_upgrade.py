"""A run that an earlier commit's trainer began goes on with the present one."""

from pathlib import Path

import pytest

from tests.recorded import RECORDED, begun_by
from tests.training.jobs import events, train
from training.events import FinishedEvent, MetricsEvent, StartedEvent


@pytest.mark.parametrize("commit", RECORDED)
def test_its_checkpoint_is_resumed_in_its_journal(commit: str, tmp_path: Path) -> None:
    run_dir = begun_by(commit, tmp_path)
    before = events(run_dir)
    result = train(run_dir, "--resume", "2")
    assert result.returncode == 0, result.stderr
    after = events(run_dir)[len(before) :]
    assert [event.seq for event in after] == [before[-1].seq + n + 1 for n in range(len(after))]
    (begun,) = [event for event in after if isinstance(event, StartedEvent)]
    assert begun.start_step == 2
    assert [event.step for event in after if isinstance(event, MetricsEvent)] == [3, 4]
    last = after[-1]
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "finished"
    tokens = [e.values["tokens/total"] for e in [*before, *after] if isinstance(e, MetricsEvent)]
    assert tokens == sorted(tokens)

"""A rank that hangs, dies or fails ends the run with the reason."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.training.grpo.test_run import run_config
from tests.training.jobs import environment, events, train, write_config
from training.distributed import monitor, phases
from training.distributed.launch import Nodes, launch
from training.distributed.monitor import Patience
from training.distributed.phases import Beat
from training.distributed.watchdog import Watchdog
from training.events import FinishedEvent, LogEvent, MetricsEvent

LIMIT_S = 8
pytestmark = pytest.mark.timeout(600)


def ended(model: Path, run_dir: Path, grief: str, processes: int) -> tuple[FinishedEvent, str]:
    """The last line of the journal of a run that comes to grief, and the run's log."""
    write_config(run_dir, run_config(model, processes=processes, watchdog_s=LIMIT_S))
    command = launch(run_dir, processes, Nodes(), environment(GRIEF=grief), "latest")
    module = command.argv.index("--module") + 1
    command.argv[module] = "tests.training.distributed.hanging"
    result = subprocess.run(
        command.argv, env=command.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False, process_group=0,
    )  # fmt: skip
    assert result.returncode != 0
    journal = events(run_dir)
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))
    assert [event.step for event in journal if isinstance(event, MetricsEvent)] == [1]
    last = journal[-1]
    assert isinstance(last, FinishedEvent), result.stdout
    assert (last.outcome, last.step) == ("failed", 2)
    return last, result.stdout


@pytest.mark.parametrize(
    ("grief", "processes"),
    [("1:sleep", 2), ("1:stop", 2), ("0:lock", 1)],
    ids=["sleeps", "is-stopped", "holds-the-interpreter"],
)
def test_a_rank_that_hangs_fails_the_run_with_its_stack_in_the_log(
    grief: str, processes: int, tiny_model: Path, tmp_path: Path
) -> None:
    rank = int(grief[0])
    last, log = ended(tiny_model, tmp_path, grief, processes)
    reason = f"Rank {rank} has been in “training” for {LIMIT_S} s"
    assert last.reason == f"{reason}: its stack is in the log."
    _, _, stack = log.partition(f"Rank {rank}, in “training”:")
    place = "loop.py" if grief == "1:stop" else "in enter_and_grieve"  # woken, it goes a step on
    assert place in stack
    told = [event for event in events(tmp_path) if isinstance(event, LogEvent)][-1]
    assert told.level == "error"
    assert told.message.startswith(f"{reason}, longer than hardware.watchdog_s allows.\n")
    assert place in told.message


def test_a_rank_that_dies_fails_the_run_with_the_reason(tiny_model: Path, tmp_path: Path) -> None:
    last, _ = ended(tiny_model, tmp_path, "1:die", 2)
    assert last.reason.startswith("Rank 1 died in “training” without a word")


def test_a_rank_that_fails_fails_the_run_with_its_own_reason(
    tiny_model: Path, tmp_path: Path
) -> None:
    last, _ = ended(tiny_model, tmp_path, "1:fail", 2)
    assert last.reason == "Rank 1 failed: ValueError: the disk is on fire."


def beat(rank: int, phase: str, *, step: int = 1, host: str = "elsewhere") -> Beat:
    return Beat(rank, phase, step, step, os.getpid(), host, os.getpgrp())


def test_the_rank_that_changed_last_before_the_others_is_the_one_that_waits(tmp_path: Path) -> None:
    (tmp_path / phases.DIRECTORY).mkdir()
    patience = Patience(tmp_path, ranks=2)
    for step in (1, 2):
        for rank in (0, 1):
            phases.write(tmp_path, beat(rank, "sampling", step=step))
        patience.look(1.0)
    assert patience.look(3.0) == (3.0, [beat(0, "sampling", step=2), beat(1, "sampling", step=2)])
    phases.write(tmp_path, beat(0, "training", step=3))
    assert patience.look(3.0) == (6.0, [beat(1, "sampling", step=2)])
    phases.write(tmp_path, beat(1, "training", step=3))
    assert patience.look(3.0)[0] == 3.0


def test_what_an_earlier_attempt_left_on_another_machine_does_not_count(tmp_path: Path) -> None:
    (tmp_path / phases.DIRECTORY).mkdir()
    phases.write(tmp_path, beat(0, "sampling"))
    patience = Patience(tmp_path, ranks=1)
    assert [patience.look(10.0) for _ in range(3)] == [(0.0, [])] * 3


def test_ranks_amid_a_collective_call_are_not_the_ones_to_blame() -> None:
    beats = [beat(rank, "training") for rank in range(3)]
    waits, works = f'File "x{monitor.COLLECTIVE}c10d.py"', 'File "training/grpo/step.py"'
    assert monitor._not_waiting(beats, {0: waits, 1: works, 2: waits}) == [beats[1]]
    assert monitor._not_waiting(beats, {0: waits, 1: waits}) == beats


def test_a_rank_that_is_done_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    watchdog = Watchdog(tmp_path, limit_s=60)
    watchdog.enter("sampling", 3)
    known = phases.read(tmp_path, 0)
    assert known is not None
    assert (known.phase, known.step, known.count) == ("sampling", 3, 2)
    watchdog.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_neither_stops_training_nor_makes_it_look_hung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RANK", raising=False)
    watchdog = Watchdog(tmp_path, limit_s=0)

    def full(_path: Path, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", full)
        watchdog.enter("sampling", 1)
        watchdog.enter("training", 1)
    assert phases.read(tmp_path, 0) is None
    assert capsys.readouterr().err.count("No space left on device") == 1
    watchdog.enter("sampling", 2)
    known = phases.read(tmp_path, 0)
    assert known is not None
    assert known.step == 2
    watchdog.close()


def test_a_run_directory_that_cannot_be_written_is_told_in_the_journal(
    tiny_model: Path, tmp_path: Path
) -> None:
    write_config(tmp_path, run_config(tiny_model))
    (tmp_path / phases.DIRECTORY).write_text("a file where the directory belongs")
    result = train(tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("--run-dir: ")
    last = events(tmp_path)[-1]
    assert isinstance(last, FinishedEvent)
    assert last.outcome == "failed"

"""What a job tells besides its steps."""

import io
from pathlib import Path

from kernels.backend import say_path
from tests.training.jobs import events
from training.cli import job
from training.cli.display import Display, Lines
from training.journal import Journal


def test_paths_are_told_once_while_the_job_lasts_by_the_rank_with_the_journal(
    tmp_path: Path,
) -> None:
    out, journal = io.StringIO(), Journal(tmp_path, "grpo")
    journal.write("phase", 3, phase="training")
    with job._paths_told(Lines(5, out), journal):
        say_path("an op", "Triton")
        say_path("an op", "Triton")
    with job._paths_told(Display(), None):
        say_path("an op", "on another rank")
    say_path("an op", "after the job")
    journal.close()
    assert out.getvalue() == "an op: Triton\n"
    _, told = events(tmp_path)
    assert told.model_dump(include={"type", "step", "level", "message"}) == {
        "type": "log", "step": 3, "level": "info", "message": "an op: Triton",
    }  # fmt: skip

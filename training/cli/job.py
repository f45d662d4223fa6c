"""One rank's work, from loading to the last step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training import checkpoint
from training.base_models import StartError
from training.checkpoint import Checkpoint, CheckpointError
from training.cli.display import Display
from training.cli.errors import UserError
from training.config import RunConfig
from training.distributed.expert_parallel import ExpertParallelError
from training.distributed.process import DeviceError, Enter, Process
from training.distributed.rendezvous import JoinError
from training.journal import Journal
from training.model import ModelConfigError, hf
from training.pipeline import Pipeline
from training.rewards import RewardError
from training.safety.prompts import SafetyError
from training.stopping import StopRequest
from training.tasks import TaskError
from training.tokenizer import TokenizerError


def run(
    *,
    config: RunConfig,
    run_dir: Path,
    resume: str,
    journal: Journal | None,
    stop: StopRequest,
    display: Display,
    enter: Enter,
) -> str:
    """How it ended, "finished" or "stopped".

    `enter` is told of every phase. Raises UserError for what a person can mend.
    """
    with _paths_told(display, journal):
        try:
            process = Process(config.hardware.device, enter, config.hardware.join_s)
        except (DeviceError, JoinError) as error:
            raise UserError(str(error)) from error
        pipeline = Pipeline(
            config, run_dir, process, journal, lambda: stop.requested, display.say, display.report
        )
        try:
            outcome = pipeline.run(_find_start(run_dir, resume, journal))
        except (
            StartError, CheckpointError, TaskError, RewardError, TokenizerError, ModelConfigError,
            hf.CheckpointError, ExpertParallelError, SafetyError,
        ) as error:  # fmt: skip
            process.close()
            raise UserError(str(error)) from error
    process.close()
    return outcome


class _Paths(logging.Handler):
    def __init__(self, display: Display, journal: Journal) -> None:
        super().__init__()
        self._display, self._journal = display, journal

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        self._display.say(message)
        self._journal.write("log", self._journal.step, level="info", message=message)


@contextmanager
def _paths_told(display: Display, journal: Journal | None) -> Iterator[None]:
    """Tell the person and the journal, which is rank 0's, what `kernels` logs meanwhile: the path
    that each operation takes, Triton or another, at its first call."""
    if journal is None:
        yield
        return
    logger, paths = logging.getLogger("kernels"), _Paths(display, journal)
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(paths)
    try:
        yield
    finally:
        logger.removeHandler(paths)
        logger.setLevel(level)


def _find_start(run_dir: Path, resume: str, journal: Journal | None) -> Checkpoint | None:
    def warn(message: str) -> None:
        if journal is not None:
            journal.write("log", 0, level="warning", message=message)

    if resume == "none":
        return None
    if resume == "latest":
        return checkpoint.latest(run_dir, warn)
    if not resume.isdigit():
        raise CheckpointError(f"--resume: “{resume}” is neither latest, none nor a step.")
    return checkpoint.read(run_dir, int(resume))

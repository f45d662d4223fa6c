"""Ends attempts whose job is over though no supervisor has said how its run ended.

The supervisor was in the job and died with it, or never came to life. The journal is in the shared
folder: what it holds is committed, and its last word counts before the system's.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from r1web.cluster import services
from r1web.cluster.journal import JOURNAL
from r1web.cluster.models import Job
from r1web.cluster.services.jobs import log_end
from r1web.cluster.supervisor import ending, record
from r1web.cluster.supervisor.hold import LOCK, AlreadySupervisedError, only_one
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.process import find_trainer
from r1web.cluster.supervisor.tail import read_lines
from r1web.live.services import flush
from r1web.logs import about
from r1web.runs.models import Attempt, Desired, State
from r1web.runs.selectors import run_directory

logger = logging.getLogger(__name__)


def close_jobs(jobs: Iterable[Job]) -> None:
    for job in jobs:
        with about(run=job.attempt.run_id, attempt=job.attempt_id):
            try:
                close(job)
            except AlreadySupervisedError:  # its file lock is not given back yet
                logger.warning("%s is over, but something still holds its run", job)


def close(job: Job) -> None:
    """Read the rest of the journal, and end the attempt as it or else the job's end says."""
    folder = run_directory(job.attempt.run)
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder / LOCK):
        attempt = record.load(job.attempt_id)
        if attempt.ended_at is not None:
            return
        trainer = find_trainer(folder, attempt.pk)
        if trainer is not None:
            _read_rest(attempt, folder / JOURNAL)
            log = ending.log_end(folder / "trainer.log", trainer.log_start)
        else:
            log = log_end(job)
        end = _ending(attempt, job)
        detail = ending.last_lines(log) if end.outcome == State.FAILED else ""
        if detail:
            record.record_log(attempt, "error", detail)
        services.end_attempt(
            attempt_id=attempt.pk, outcome=end.outcome, reason=end.reason, detail=detail
        )
        for follower in attempt.followers.filter(ended_at=None):
            services.end_follower(follower_id=follower.pk, reason=end.reason)
    flush()


def _read_rest(attempt: Attempt, journal: Path) -> None:
    while lines := read_lines(journal, attempt.journal_offset):
        ingest(attempt_id=attempt.pk, lines=lines)
        attempt.journal_offset = lines[-1].end


def _ending(attempt: Attempt, job: Job) -> ending.Ending:
    if finished := record.last_word(attempt):
        return ending.Ending(State(finished["outcome"]), finished["reason"])
    if attempt.run.desired != Desired.RUNNING:
        begun = attempt.started_at is not None
        return ending.Ending(
            State.STOPPED, ending.NOT_SAVED if begun else "Stopped before it started."
        )
    return ending.Ending(State(job.outcome), job.reason)

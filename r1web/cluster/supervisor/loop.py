"""Follows one attempt from its start to its end.

Every turn: read the journal, and every so often beat, measure, and look what is wanted. Each of
these can fail while the database is away without disturbing the others or the trainer.
"""

import fcntl
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from r1web.cluster import services
from r1web.cluster.journal import open_journal
from r1web.cluster.supervisor import ending, plan, record
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.process import (
    Trainer,
    end_abandoned,
    find_trainer,
    start_trainer,
)
from r1web.cluster.supervisor.sample import Sampler
from r1web.cluster.supervisor.tail import read_lines, torn_end
from r1web.live.services import flush
from r1web.logs import about
from r1web.runs.models import Attempt, State
from r1web.runs.selectors import run_directory

logger = logging.getLogger(__name__)

POLL_S = 0.1
LOOK_S = 0.5
BEAT_S = 5.0
SAMPLE_S = 5.0
LOCK_PATIENCE_S = 5.0


class AlreadySupervisedError(Exception):
    """Another supervisor holds this run."""


def supervise(attempt_id: int) -> None:
    """Start or adopt the attempt's trainer and follow it to its end."""
    database = Database()
    attempt = database.insist(lambda: record.load(attempt_id))
    folder = run_directory(attempt.run)
    folder.mkdir(parents=True, exist_ok=True)
    with about(run=attempt.run_id, attempt=attempt.pk), only_one(folder / "supervisor.lock"):
        if attempt.ended_at is None:
            supervisor = Supervisor(attempt, folder, database)
            signal.signal(signal.SIGTERM, supervisor.leave)
            supervisor.run()
    flush()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the run. The kernel lets go of the lock when this process dies, however it dies."""
    with path.open("w", encoding="ascii") as lock_file:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise AlreadySupervisedError(str(path)) from error
                time.sleep(POLL_S)
        yield


@dataclass
class Every:
    """True once each so many seconds."""

    seconds: float
    _due_at: float = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + self.seconds
        return True


class Supervisor:
    def __init__(self, attempt: Attempt, folder: Path, database: Database) -> None:
        self.attempt = attempt
        self.folder = folder
        self.journal = folder / "events.jsonl"
        self.database = database
        self.stop_asked_at: float | None = None
        self.killed = False
        self.leaving = False
        self.oom_before = ending.oom_kills()
        self.sampler = Sampler(gpus=database.insist(lambda: record.leased_gpus(attempt)))

    def run(self) -> None:
        self.database.insist(lambda: record.introduce(self.attempt))
        trainer = find_trainer(self.folder, self.attempt.pk) or self._start()
        if trainer is None:
            return
        self.database.insist(
            lambda: record.note_launcher(self.attempt, trainer.pid, trainer.created)
        )
        self._follow(trainer)
        trainer.end_stragglers()
        self._finish(trainer)

    def _start(self) -> Trainer | None:
        """The new trainer; None when the attempt has ended before it came to that."""
        if self.database.insist(lambda: record.wanted_to_end(self.attempt)):
            self._end(ending.Ending(State.STOPPED, "Stopped before the trainer started."))
            return None
        if ended := end_abandoned(self.folder):
            logger.warning("Ended %s processes that an earlier attempt had left", ended)
        environment = self.database.insist(lambda: plan.environment(self.attempt))
        try:
            open_journal(self.folder)
            self._take_over_journal()
            plan.write_config(self.attempt, self.folder)
            return start_trainer(
                plan.command(self.attempt, self.folder),
                attempt_id=self.attempt.pk,
                folder=self.folder,
                cwd=settings.BASE_DIR,
                environment=environment,
            )
        except OSError as error:
            logger.exception("Attempt %s: the trainer could not be started", self.attempt.pk)
            self._end(ending.Ending(State.FAILED, f"The trainer could not be started: {error}."))
            return None

    def _take_over_journal(self) -> None:
        """Leave to the attempt before what its trainer still wrote after it was given up."""
        earlier = self.database.insist(lambda: record.attempt_before(self.attempt))
        if earlier is None:
            return
        while self.database.insist(lambda: self._read_journal(earlier)):
            pass
        place = self.database.insist(lambda: record.go_on_after(self.attempt, earlier))
        self.attempt.journal_offset = place

    def _follow(self, trainer: Trainer) -> None:
        beat, look, sample = Every(BEAT_S), Every(LOOK_S), Every(SAMPLE_S)
        while trainer.is_alive():
            self.database.attempt(lambda: self._read_journal(self.attempt))
            if beat.due():
                self.database.attempt(lambda: services.heard(attempt_id=self.attempt.pk))
            if sample.due():
                values = self.sampler.sample(trainer)
                self.database.attempt(partial(record.record_sample, self.attempt, values))
            if look.due() and self.stop_asked_at is None:
                self.database.attempt(lambda: self._look(trainer))
            self._kill_when_late(trainer)
            time.sleep(POLL_S)

    def _read_journal(self, attempt: Attempt) -> bool:
        """Commit the next lines as the attempt's; False when there were none."""
        lines = read_lines(self.journal, attempt.journal_offset)
        if lines:
            ingest(attempt_id=attempt.pk, lines=lines)
            attempt.journal_offset = lines[-1].end
        return bool(lines)

    def _look(self, trainer: Trainer) -> None:
        if self.leaving or record.wanted_to_end(self.attempt):
            trainer.signal(signal.SIGTERM)
            self.stop_asked_at = time.monotonic()

    def leave(self, *_: object) -> None:
        """Asked to end by the machine, which is to go: the trainer saves, and goes on elsewhere."""
        self.leaving = True

    def _kill_when_late(self, trainer: Trainer) -> None:
        grace = settings.R1WEB_STOP_GRACE_S
        if self.killed or self.stop_asked_at is None:
            return
        if time.monotonic() - self.stop_asked_at > grace:
            logger.warning("Attempt %s did not stop within %s s", self.attempt.pk, grace)
            trainer.signal(signal.SIGKILL)
            self.killed = True

    def _finish(self, trainer: Trainer) -> None:
        while self.database.insist(lambda: self._read_journal(self.attempt)):
            pass
        torn = torn_end(self.journal, self.attempt.journal_offset)
        if torn:
            self.database.insist(
                lambda: record.record_log(self.attempt, "warning", _broke_off(torn))
            )
        log = ending.log_end(self.folder / "trainer.log", trainer.log_start)
        facts = ending.Facts(
            exit_code=trainer.exit_code,
            finished=self.database.insist(lambda: record.last_word(self.attempt)),
            stop_asked=self.stop_asked_at is not None,
            killed_after_s=settings.R1WEB_STOP_GRACE_S if self.killed else None,
            oom_kills=ending.oom_kills() - self.oom_before,
            log=log,
        )
        self._end(ending.explain(facts), trainer.exit_code, ending.last_lines(log))

    def _end(self, end: ending.Ending, exit_code: int | None = None, log: str = "") -> None:
        detail = log if end.outcome == State.FAILED else ""
        if detail:
            self.database.insist(lambda: record.record_log(self.attempt, "error", detail))
        self.database.insist(
            lambda: services.end_attempt(
                attempt_id=self.attempt.pk,
                outcome=end.outcome,
                reason=end.reason,
                detail=detail,
                exit_code=exit_code,
            )
        )
        logger.info("Attempt %s ended %s: %s", self.attempt.pk, end.outcome, end.reason)


def _broke_off(torn: bytes) -> str:
    return f"The journal ends within a line: {len(torn)} bytes of it were left out."

"""Follows one attempt from its start to its end.

Every turn: read the journal, and every so often beat, measure, and look what is wanted. Each of
these can fail while the database is away without disturbing the others or the trainer.
"""

import logging
import signal
import time
from functools import partial
from pathlib import Path

from django.conf import settings

from r1web.cluster import services
from r1web.cluster.journal import JOURNAL, open_journal
from r1web.cluster.supervisor import ending, record
from r1web.cluster.supervisor.begin import begin
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.hold import Every, late
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.oom import oom_kills
from r1web.cluster.supervisor.process import Trainer, end_abandoned, find_trainer
from r1web.cluster.supervisor.sample import Sampler
from r1web.cluster.supervisor.tail import read_lines, torn_end
from r1web.runs.models import Attempt, State

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""How long a turn is: no event tells of new lines in a shared folder, nor of a process's end that
another supervisor had started."""
LOOK_S = 0.5
BEAT_S = 5.0
SAMPLE_S = 5.0
WITHOUT_FOLLOWER_S = 10.0
"""How long the trainer may take to notice that another node's part of it has failed."""
FOLLOWERS_TELL_S = 10.0
"""How long to wait for the other nodes' word on why a connection broke."""


class Supervisor:
    """Of an attempt on one node, or of the leading node's part."""

    def __init__(
        self, attempt: Attempt, folder: Path, database: Database, master_address: str = ""
    ) -> None:
        self.attempt = attempt
        self.master_address = master_address
        self.folder = folder
        self.journal = folder / JOURNAL
        self.database = database
        self.stop_asked_at: float | None = None
        self.several_nodes = attempt.run.config["hardware"].get("nodes", 1) > 1
        self.follower_failed_at: float | None = None
        self.killed = False
        self.leaving = False
        self.oom_before = oom_kills()
        self.sampler = Sampler(gpus=database.insist(lambda: record.leased_gpus(attempt)))

    def run(self) -> None:
        self.database.insist(lambda: record.introduce(self.attempt))
        if self.attempt.ended_at is None:
            self._take_part()
        else:
            self._clear_up()
        self.database.insist(lambda: record.take_leave(self.attempt))

    def _clear_up(self) -> None:
        """The attempt was given up: end its trainer, and read what that has written since."""
        trainer = find_trainer(self.folder, self.attempt.pk)
        if trainer is not None and trainer.is_alive():
            trainer.end_stragglers()
        if not self.database.insist(lambda: services.is_last(self.attempt)):
            return
        self._read_to_the_end(self.attempt)
        said = self.database.insist(lambda: record.last_word(self.attempt))
        if said is not None and said["outcome"] == State.FINISHED:
            end = partial(services.finished_after_all, attempt_id=self.attempt.pk)
            self.database.insist(lambda: end(reason=said["reason"]))

    def _take_part(self) -> None:
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
        end_abandoned(self.folder, self.attempt.pk)
        try:
            open_journal(self.folder)
            self._take_over_journal()
            return begin(self.attempt, self.folder, self.database, self.master_address)
        except OSError as error:
            logger.exception("Attempt %s: the trainer could not be started", self.attempt.pk)
            self._end(ending.Ending(State.FAILED, f"The trainer could not be started: {error}."))
            return None

    def _take_over_journal(self) -> None:
        """Leave to the attempt before what its trainer still wrote after it was given up."""
        earlier = self.database.insist(lambda: record.attempt_before(self.attempt))
        if earlier is None:
            return
        self._read_to_the_end(earlier)
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
            if look.due():
                self.database.attempt(lambda: self._look(trainer))
            self._kill_when_late(trainer)
            time.sleep(POLL_S)

    def _read_journal(self, attempt: Attempt) -> bool:
        """Commit the next lines as the attempt's; False when there were none."""
        lines = read_lines(self.journal, attempt.journal_offset)
        if lines:
            ingest(attempt_id=attempt.pk, lines=lines, refused=self.database.refused)
            attempt.journal_offset = lines[-1].end
        return bool(lines)

    def _read_to_the_end(self, attempt: Attempt) -> None:
        while self.database.insist(lambda: self._read_journal(attempt)):
            pass

    def _look(self, trainer: Trainer) -> None:
        if self.stop_asked_at is None and (self.leaving or record.wanted_to_end(self.attempt)):
            trainer.signal(signal.SIGTERM)
            self.stop_asked_at = time.monotonic()
        if not self.several_nodes or self.follower_failed_at is not None:
            return
        if record.followers_told(self.attempt):
            self.follower_failed_at = time.monotonic()

    def leave(self, *_: object) -> None:
        """Asked to end by the machine, which is to go: the trainer saves, and goes on elsewhere."""
        self.leaving = True

    def _kill_when_late(self, trainer: Trainer) -> None:
        grace = settings.R1WEB_STOP_GRACE_S
        if self.killed:
            return
        if late(self.stop_asked_at, grace):
            logger.warning("Attempt %s did not stop within %s s", self.attempt.pk, grace)
        elif late(self.follower_failed_at, WITHOUT_FOLLOWER_S):
            logger.warning("Attempt %s hangs without one of its nodes", self.attempt.pk)
        else:
            return
        trainer.signal(signal.SIGKILL)
        self.killed = True

    def _finish(self, trainer: Trainer) -> None:
        self._read_to_the_end(self.attempt)
        torn = torn_end(self.journal, self.attempt.journal_offset)
        if torn:
            self.database.insist(
                lambda: record.record_log(self.attempt, "warning", _broke_off(torn))
            )
        log = ending.log_end(self.folder / "trainer.log", trainer.log_start)
        facts = ending.Facts(
            exit_code=trainer.exit_code,
            finished=self.database.insist(lambda: record.last_word(self.attempt)),
            stop_asked=self.leaving or self.stop_asked_at is not None,
            killed_after_s=settings.R1WEB_STOP_GRACE_S if self.killed else None,
            oom_kills=oom_kills() - self.oom_before,
            log=log,
        )
        end, log = self._blame(ending.explain(facts), ending.last_lines(log))
        self._end(end, trainer.exit_code, log)

    def _blame(self, end: ending.Ending, log: str) -> tuple[ending.Ending, str]:
        """The end and its log, of the node that failed first: it may tell a moment later."""
        deadline = time.monotonic() + FOLLOWERS_TELL_S
        first = self.follower_failed_at is not None
        while self.several_nodes:
            told = self.database.insist(lambda: record.followers_told(self.attempt))
            by = ending.blame(end, told, first=first)
            if by is not None:
                return ending.Ending(State.FAILED, f"On {by.where}: {by.reason}"), by.log
            others = self.database.insist(lambda: record.has_followers(self.attempt))
            waits = others and ending.is_from_elsewhere(end.reason)
            if not waits or time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        return end, log

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

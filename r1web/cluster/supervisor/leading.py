"""One attempt from its start to its end, on its node or on the leading one of several.

It waits for what it needs; meanwhile the loop, which does not wait, follows the trainer.
"""

import logging
import time
from functools import partial
from pathlib import Path

from django.conf import settings

from r1web.cluster import services
from r1web.cluster.journal import JOURNAL, open_journal
from r1web.cluster.supervisor import ending, record
from r1web.cluster.supervisor.begin import begin
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.ingest import ingest
from r1web.cluster.supervisor.loop import Followed, Loop
from r1web.cluster.supervisor.oom import oom_kills
from r1web.cluster.supervisor.process import Trainer, end_abandoned, find_trainer
from r1web.cluster.supervisor.tail import read_lines, torn_end
from r1web.runs.models import Attempt, State

logger = logging.getLogger(__name__)

FOLLOWERS_TELL_S = 10.0
"""How long to wait for the other nodes' word on why a connection broke."""
ASK_AGAIN_S = 0.1
"""They tell it to the database only."""


class Supervisor:
    """Of an attempt on one node, or of the leading node's part."""

    def __init__(
        self, attempt: Attempt, folder: Path, database: Database, loop: Loop, master_address: str
    ) -> None:
        self.attempt = attempt
        self.folder = folder
        self.journal = folder / JOURNAL
        self.database = database
        self.loop = loop
        self.master_address = master_address
        self.oom_before = oom_kills()

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
        launcher = trainer.pid, trainer.created
        self.database.insist(lambda: record.note_launcher(self.attempt, *launcher))
        gpus = self.database.insist(lambda: record.leased_gpus(self.attempt))
        followed = Followed(self.attempt, self.journal, trainer, gpus)
        self.loop.follow(followed)
        trainer.end_stragglers()
        self._finish(followed)

    def _start(self) -> Trainer | None:
        """The new trainer; None when the attempt has ended before it came to that."""
        if self.database.insist(lambda: record.wanted_to_end([self.attempt.pk])):
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

    def _finish(self, followed: Followed) -> None:
        trainer = followed.trainer
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
            stop_asked=self.loop.leaving or followed.stop_asked_at is not None,
            killed_after_s=settings.R1WEB_STOP_GRACE_S if followed.killed else None,
            oom_kills=oom_kills() - self.oom_before,
            log=log,
        )
        end, log = self._blame(ending.explain(facts), ending.last_lines(log), followed)
        self._end(end, trainer.exit_code, log)

    def _blame(self, end: ending.Ending, log: str, followed: Followed) -> tuple[ending.Ending, str]:
        """The end and its log, of the node that failed first: it may tell a moment later."""
        deadline = time.monotonic() + FOLLOWERS_TELL_S
        first = followed.follower_failed_at is not None
        while followed.several_nodes:
            told = self.database.insist(lambda: record.followers_told(self.attempt))
            by = ending.blame(end, told, first=first)
            if by is not None:
                return ending.Ending(State.FAILED, f"On {by.where}: {by.reason}"), by.log
            others = self.database.insist(lambda: record.has_followers(self.attempt))
            waits = others and ending.is_from_elsewhere(end.reason)
            if not waits or time.monotonic() > deadline:
                break
            time.sleep(ASK_AGAIN_S)  # the database calls nobody
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

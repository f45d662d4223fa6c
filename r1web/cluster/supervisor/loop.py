"""Follows the trainers of many attempts at once.

Every turn: read the journals, and every so often beat, measure, and look what is wanted; each for
all attempts together, since a node may have hundreds. Each of these can fail while the database is
away without disturbing the others or the trainers.
"""

import logging
import random
import signal
import threading
import time
from collections.abc import Iterable, Sequence
from contextvars import copy_context
from pathlib import Path

from django.conf import settings

from r1web.cluster import hardware, services
from r1web.cluster.supervisor import record
from r1web.cluster.supervisor.database import AWAY, Database
from r1web.cluster.supervisor.hold import Every, late
from r1web.cluster.supervisor.ingest import ingest, ingest_together
from r1web.cluster.supervisor.process import Trainer, members_of_groups
from r1web.cluster.supervisor.sample import Sampler
from r1web.cluster.supervisor.schema import MigratedError
from r1web.cluster.supervisor.tail import Line, read_lines
from r1web.ledger.services import Measured
from r1web.metrics.services import Known
from r1web.runs.models import Attempt

logger = logging.getLogger(__name__)

TURN_S = 0.1
"""How long a turn waits: no event tells of new lines in a shared folder, nor of a process's end
that another supervisor had started."""
LOOK_S = 0.5
BEAT_S = 5.0
SAMPLE_S = 5.0
MOST_BYTES = 16 * 1024 * 1024
"""Of all journals, in one turn."""
WITHOUT_FOLLOWER_S = 10.0
"""How long the trainer may take to notice that another node's part of it has failed."""


class Followed:
    """An attempt whose trainer was started, until that has ended."""

    def __init__(
        self, attempt: Attempt, journal: Path, trainer: Trainer, gpus: frozenset[int]
    ) -> None:
        self.attempt = attempt
        self.journal = journal
        self.trainer = trainer
        self.sampler = Sampler(gpus)
        self.several_nodes = attempt.run.config["hardware"].get("nodes", 1) > 1
        self.stop_asked_at: float | None = None
        self.follower_failed_at: float | None = None
        self.killed = False
        self.fault: Exception | None = None
        self.ended = threading.Event()
        self.context = copy_context()
        """Of the thread that made this."""

    def ask_to_stop(self) -> None:
        if self.stop_asked_at is None:
            self.trainer.signal(signal.SIGTERM)
            self.stop_asked_at = time.monotonic()

    def kill_when_late(self) -> None:
        grace = settings.R1WEB_STOP_GRACE_S
        if late(self.stop_asked_at, grace):
            logger.warning("Attempt %s did not stop within %s s", self.attempt.pk, grace)
        elif late(self.follower_failed_at, WITHOUT_FOLLOWER_S):
            logger.warning("Attempt %s hangs without one of its nodes", self.attempt.pk)
        else:
            return
        self.trainer.signal(signal.SIGKILL)
        self.killed = True


class Loop:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.leaving = False
        self._followed: dict[int, Followed] = {}
        self._known = Known()
        self._beat, self._look, self._sample = Every(BEAT_S), Every(LOOK_S), Every(SAMPLE_S)

    def follow(self, followed: Followed) -> None:
        """Wait until the trainer has ended. Raises what kept its journal from being read."""
        self._followed[followed.attempt.pk] = followed
        followed.ended.wait()
        if followed.fault is not None:
            raise followed.fault

    def turn(self) -> None:
        followed = list(self._followed.values())
        if not followed:
            return
        self.database.attempt(lambda: self._read(followed))
        if self._beat.due():
            keys = [one.attempt.pk for one in followed]
            self.database.attempt(lambda: services.heard(attempt_ids=keys))
        if self._sample.due():
            values = _sample(followed)
            self.database.attempt(lambda: record.record_samples(values, self._known))
        if look := self._look.due():
            self.database.attempt(lambda: self._see(followed))
        for one in followed:
            if not one.killed:
                one.context.run(one.kill_when_late)
            # To ask after a process that is no child of ours takes seventy times as long.
            if (look or one.trainer.child is not None) and not one.trainer.is_alive():
                self._let_go(one)

    def _give_up(self, one: Followed, error: Exception) -> None:
        one.fault = error
        self._let_go(one)

    def _let_go(self, one: Followed) -> None:
        self._followed.pop(one.attempt.pk, None)
        self._known.forget(one.attempt.run_id, one.attempt.pk)
        one.ended.set()

    def _read(self, followed: Sequence[Followed]) -> None:
        lines_of = self._new_lines(followed)
        if not lines_of:
            return
        try:
            contexts = {one.attempt.pk: one.context for one in followed}
            done = ingest_together(lines_of, self._known, contexts)
        except AWAY:
            raise
        except Exception:  # it may be about any of them: each has to answer for itself
            logger.warning("The journals are read one by one this time", exc_info=True)
            self._known.forget()
            self._read_one_by_one(followed, lines_of)
            return
        for one in followed:
            if one.attempt.pk in done:
                one.attempt.journal_offset = lines_of[one.attempt.pk][-1].end

    def _read_one_by_one(
        self, followed: Sequence[Followed], lines_of: dict[int, list[Line]]
    ) -> None:
        for one in followed:
            lines = lines_of.get(one.attempt.pk)
            if not lines:
                continue
            try:
                one.context.run(self._read_one, one.attempt.pk, lines)
            except (*AWAY, MigratedError):
                raise
            except Exception as error:  # noqa: BLE001 - its own thread raises it
                self._give_up(one, error)
            else:
                one.attempt.journal_offset = lines[-1].end

    def _read_one(self, attempt_id: int, lines: Sequence[Line]) -> None:
        ingest(attempt_id=attempt_id, lines=lines, refused=self.database.refused)

    def _new_lines(self, followed: Sequence[Followed]) -> dict[int, list[Line]]:
        """By attempt. In random order, so that each has its turn when all have too many."""
        found: dict[int, list[Line]] = {}
        total = 0
        for one in random.sample(followed, len(followed)):
            try:
                lines = read_lines(one.journal, one.attempt.journal_offset)
            except OSError as error:
                self._give_up(one, error)
                continue
            if lines:
                found[one.attempt.pk] = lines
                total += lines[-1].end - one.attempt.journal_offset
            if total > MOST_BYTES:
                break
        return found

    def _see(self, followed: Sequence[Followed]) -> None:
        """What is wanted of them, and how their other nodes do."""
        wanted = record.wanted_to_end([one.attempt.pk for one in followed])
        for one in followed:
            if self.leaving or one.attempt.pk in wanted:
                one.ask_to_stop()
            waits = one.several_nodes and one.follower_failed_at is None
            if waits and record.followers_told(one.attempt):
                one.follower_failed_at = time.monotonic()


def _sample(followed: Iterable[Followed]) -> list[tuple[Measured, dict[str, float]]]:
    followed = list(followed)
    members = members_of_groups([one.trainer.pid for one in followed])
    loads = hardware.gpu_load() if any(one.sampler.gpus for one in followed) else []
    found = []
    for one in followed:
        values = one.sampler.sample(members[one.trainer.pid], loads)
        node = one.attempt.node.name if one.attempt.node else ""
        found.append((Measured(one.attempt, node, one.sampler.energy), values))
    return found

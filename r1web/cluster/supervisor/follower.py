"""Follows a further node's part of an attempt on several nodes.

It has no journal: rank 0 writes that, on the leading node. It starts when the leading launcher has,
and leaves nothing behind when the attempt is over or the leading node cannot be reached.
"""

import logging
import signal
import time
from pathlib import Path

from django.conf import settings

from r1web.cluster import hardware, services
from r1web.cluster.models import Follower
from r1web.cluster.supervisor import ending, plan, record
from r1web.cluster.supervisor.begin import begin
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.hold import Every, late
from r1web.cluster.supervisor.link import CUT_AFTER_S, Link
from r1web.cluster.supervisor.oom import oom_kills
from r1web.cluster.supervisor.process import Trainer, end_abandoned, find_trainer
from r1web.cluster.supervisor.sample import Sampler
from r1web.ledger.services import Measured

logger = logging.getLogger(__name__)

POLL_S = 0.1
"""How long a turn is, as TURN_S in loop.py."""
LOOK_S = 0.5
BEAT_S = 5.0
KNOCK_EVERY_S = 5.0
SAMPLE_S = 5.0
ENDS_ITSELF_S = 5.0
"""How long the ranks here may take to end when the attempt is over."""


class FollowerSupervisor:
    def __init__(
        self, part: Follower, folder: Path, database: Database, master_address: str = ""
    ) -> None:
        self.part = part
        self.folder = folder
        self.database = database
        self.master_address = master_address
        self.leaving = False
        self.oom_before = oom_kills()
        self.sampler = Sampler(gpus=database.insist(lambda: record.leased_gpus(part)))
        self.beat, self.look, self.knock = Every(BEAT_S), Every(LOOK_S), Every(KNOCK_EVERY_S)
        self.measure = Every(SAMPLE_S)
        self.attempt = part.attempt
        """As it was when we last looked."""

    def leave(self) -> None:
        """Asked to end by the machine: the ranks here ask those on all nodes to save and stop."""
        self.leaving = True

    def run(self) -> None:
        if self.part.ended_at is not None:
            return
        self.database.insist(lambda: record.introduce(self.part))
        rank, attempt_id = self.part.node_rank, self.attempt.pk
        trainer = find_trainer(self.folder, attempt_id, rank) or self._start()
        if trainer is None:
            return
        launcher = trainer.pid, trainer.created
        self.database.insist(lambda: record.note_launcher(self.part, *launcher))
        cut = self._follow(trainer)
        trainer.end_stragglers()
        self._end(cut or self._explain(trainer), trainer.exit_code)

    def _start(self) -> Trainer | None:
        """The new trainer, once the leading one is there; None when it has not come to that."""
        while self.attempt.launcher_pid is None:
            self._look_around()
            if self.attempt.ended_at is not None or self.leaving:
                self._end("The machine was to end." if self.leaving else "")
                return None
            time.sleep(POLL_S)
        end_abandoned(self.folder, self.attempt.pk)
        try:
            return begin(self.part, self.folder, self.database, self.master_address)
        except OSError as error:
            logger.exception("%s: the trainer could not be started", self.part)
            self._end(f"The trainer could not be started: {error}.")
            return None

    def _follow(self, trainer: Trainer) -> str:
        """Until the trainer ends or has to; why, when that is because the link was cut."""
        rendezvous = self.database.insist(
            lambda: plan.rendezvous_of(self.attempt, self.master_address)
        )
        assert rendezvous is not None  # noqa: S101 - leased with the devices, as this part was
        link: Link | None = None
        asked_at: float | None = None
        over_at: float | None = None
        while trainer.is_alive():
            self._look_around()
            if self.measure.due():
                self._sample(trainer)
            if self.attempt.ended_at is not None and over_at is None:
                over_at = time.monotonic()
            if late(over_at, ENDS_ITSELF_S) or late(asked_at, settings.R1WEB_STOP_GRACE_S):
                break
            if self.leaving and asked_at is None:
                trainer.signal(signal.SIGTERM)
                asked_at = time.monotonic()
            if self.attempt.started_at is not None and self.knock.due():
                link = link or Link(rendezvous.address, rendezvous.port)
                link.knock()
                if link.is_cut:
                    return (
                        f"{rendezvous.names[0]} ({link}) could not be reached for "
                        f"{CUT_AFTER_S:.0f} s: the connection between the nodes is cut."
                    )
            time.sleep(POLL_S)
        return ""

    def _sample(self, trainer: Trainer) -> None:
        """As the leading node's, under names of this node."""
        own = f"system/node{self.part.node_rank}_"
        loads = hardware.gpu_load() if self.sampler.gpus else []
        values = {
            name.replace("system/", own): value
            for name, value in self.sampler.sample(trainer.members(), loads).items()
        }
        node = self.part.node.name if self.part.node else ""
        measured = Measured(self.attempt, node, self.sampler.energy)
        self.database.attempt(lambda: record.record_samples([(measured, values)]))

    def _look_around(self) -> None:
        if self.beat.due():
            self.database.attempt(lambda: record.beat(self.part))
        if self.look.due():
            self.database.attempt(self._see_attempt)

    def _see_attempt(self) -> None:
        self.attempt.refresh_from_db(fields=["ended_at", "launcher_pid", "started_at"])

    def _explain(self, trainer: Trainer) -> str:
        """Why the trainer failed, with the end of its log; empty when it did not."""
        if trainer.exit_code == 0 or self.attempt.ended_at is not None:
            return ""
        name = services.of_rank("trainer.log", self.part.node_rank)
        log = ending.log_end(self.folder / name, trainer.log_start)
        facts = ending.Facts(
            exit_code=trainer.exit_code,
            finished=None,
            stop_asked=False,
            killed_after_s=None,
            oom_kills=oom_kills() - self.oom_before,
            log=log,
        )
        end = ending.explain(facts)
        return f"{end.reason}\n\n{ending.last_lines(log)}"

    def _end(self, reason: str, exit_code: int | None = None) -> None:
        self.database.insist(
            lambda: services.end_follower(
                follower_id=self.part.pk, reason=reason, exit_code=exit_code
            )
        )
        logger.info("%s ended: %s", self.part, reason.partition("\n")[0] or "with the attempt")

"""What `manage.py supervise` does: a thread for each part of an attempt, and one loop for all."""

import logging
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from r1web import tracing
from r1web.cluster.models import Follower
from r1web.cluster.services import claim_follower, of_rank
from r1web.cluster.supervisor import record
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.follower import FollowerSupervisor
from r1web.cluster.supervisor.hold import LOCK, AlreadySupervisedError, only_one
from r1web.cluster.supervisor.leading import Supervisor
from r1web.cluster.supervisor.loop import TURN_S, Loop
from r1web.cluster.supervisor.orders import Order, Orders, Part
from r1web.cluster.supervisor.schema import MigratedError, Schema
from r1web.live.services import flush
from r1web.logs import about
from r1web.runs.models import Attempt
from r1web.runs.selectors import run_directory

logger = logging.getLogger(__name__)

CONNECTIONS = 2
"""To the database, besides the loop's own, however many parts there are."""
IDLE_TURN_S = 1.0


class Supervision:
    """Of all parts that this process was told to take. One that fails disturbs no other."""

    def __init__(self, master_address: str = "") -> None:
        self._master_address = master_address
        self._threads = ThreadPoolExecutor(CONNECTIONS, "database")
        self._schema = Schema()
        self._database = Database(schema=self._schema)
        self._loop = Loop(self._database)
        self._taken: set[Part] = set()
        self._followers: dict[Part, FollowerSupervisor] = {}
        self._migrated = False
        self.failed = False
        """Whether one of them met what it was not made for; the log has it."""

    def run(self, orders: Orders) -> None:
        """Until no more orders can come and all parts have ended. Raises MigratedError."""
        signal.signal(signal.SIGTERM, lambda *_: self._leave(orders))
        self._database.insist(self._schema.note)
        while orders.can_come or self._taken:
            for order in orders.wait(TURN_S if self._taken else IDLE_TURN_S):
                self.take(order)
            self._loop.turn()
            if self._migrated:
                raise MigratedError
        flush()

    def take(self, order: Order) -> None:
        """Unless it is being supervised here: orders may come twice."""
        if order.part in self._taken:
            return
        self._taken.add(order.part)
        name = f"attempt-{order.attempt_id}"
        threading.Thread(target=self._supervise, args=[order], name=name, daemon=True).start()

    def _leave(self, orders: Orders) -> None:
        """Asked to end by the machine, which is to go: the trainers save, and go on elsewhere."""
        self._loop.leaving = True
        for follower in [*self._followers.values()]:
            follower.leave()
        orders.refuse()

    def _supervise(self, order: Order) -> None:
        with tracing.continued("supervise", order.trace), about(attempt=order.attempt_id):
            database = Database(threads=self._threads, schema=self._schema)
            try:
                self._part(order, database)
            except AlreadySupervisedError:
                logger.info("Attempt %s has a supervisor already", order.attempt_id)
            except MigratedError:
                self._migrated = True
            except Exception:  # of one part; the others go on, and this one is tried again
                self.failed = True
                logger.exception("Attempt %s: the supervisor failed", order.attempt_id)
                database.insist(lambda: record.disown(_row(order)))
            finally:
                self._followers.pop(order.part, None)
                self._taken.discard(order.part)

    def _part(self, order: Order, database: Database) -> None:
        """Start or adopt the trainer that this node has of the attempt, and see it to its end."""
        attempt = database.insist(lambda: record.load(order.attempt_id))
        folder = run_directory(attempt.run)
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / of_rank(LOCK, order.node_rank)
        with about(run=attempt.run_id), only_one(lock):
            self._supervisor(order, attempt, database).run()

    def _supervisor(
        self, order: Order, attempt: Attempt, database: Database
    ) -> Supervisor | FollowerSupervisor:
        folder, rank = run_directory(attempt.run), order.node_rank
        if not rank:
            return Supervisor(attempt, folder, database, self._loop, self._master_address)
        part = database.insist(lambda: record.load_follower(order.attempt_id, rank))
        # In a job nobody has claimed it: no message started us.
        database.insist(lambda: claim_follower(follower_id=part.pk))
        follower = FollowerSupervisor(part, folder, database, self._master_address)
        self._followers[order.part] = follower
        return follower


def _row(order: Order) -> Attempt | Follower:
    if order.node_rank:
        return record.load_follower(order.attempt_id, order.node_rank)
    return record.load(order.attempt_id)

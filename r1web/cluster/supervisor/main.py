"""What `manage.py supervise` does: hold this node's part of the attempt and follow it."""

import signal

from r1web.cluster.services import claim_follower, of_rank
from r1web.cluster.supervisor import record
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.follower import FollowerSupervisor
from r1web.cluster.supervisor.hold import LOCK, only_one
from r1web.cluster.supervisor.loop import Supervisor
from r1web.live.services import flush
from r1web.logs import about
from r1web.runs.selectors import run_directory


def supervise(attempt_id: int, node_rank: int = 0, master_address: str = "") -> None:
    """Start or adopt the trainer that this node has of the attempt, and follow it to its end.

    `master_address` is that of the leading node, where it is not the registered one.
    """
    database = Database()
    attempt = database.insist(lambda: record.load(attempt_id))
    folder = run_directory(attempt.run)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / of_rank(LOCK, node_rank)
    with about(run=attempt.run_id, attempt=attempt_id), only_one(lock):
        supervisor: Supervisor | FollowerSupervisor
        if node_rank:
            part = database.insist(lambda: record.load_follower(attempt_id, node_rank))
            # In a job nobody has claimed it: no message started us.
            database.insist(lambda: claim_follower(follower_id=part.pk))
            supervisor = FollowerSupervisor(part, folder, database, master_address)
        else:
            supervisor = Supervisor(attempt, folder, database, master_address)
        signal.signal(signal.SIGTERM, supervisor.leave)
        supervisor.run()
    flush()

"""Starts this node's trainer for its part of an attempt."""

from pathlib import Path

from django.conf import settings

from r1web.cluster.models import Follower
from r1web.cluster.supervisor import plan
from r1web.cluster.supervisor.database import Database
from r1web.cluster.supervisor.process import Trainer, start_trainer
from r1web.runs.models import Attempt


def begin(
    part: Attempt | Follower, folder: Path, database: Database, master_address: str = ""
) -> Trainer:
    """With the run's config, and what the attempt has leased here. Raises OSError."""
    environment = database.insist(lambda: plan.environment(part))
    command = database.insist(lambda: plan.command(part, folder, master_address))
    plan.write_config(part.attempt, folder, part.node_rank)
    return start_trainer(
        command,
        attempt_id=part.attempt.pk,
        node_rank=part.node_rank,
        folder=folder,
        cwd=settings.BASE_DIR,
        environment=environment,
    )

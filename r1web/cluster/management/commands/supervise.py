"""`manage.py supervise ATTEMPT`: the process that starts, follows and ends one trainer."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from r1web import tracing
from r1web.cluster.supervisor.hold import AlreadySupervisedError
from r1web.cluster.supervisor.main import supervise
from r1web.cluster.supervisor.schema import MigratedError

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Start or adopt the trainer of an attempt and follow it to its end."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("attempt", type=int)
        parser.add_argument("--node-rank", type=int, default=0, help="which of its nodes this is")
        parser.add_argument(
            "--master-address", default="", help="of node 0, when it is not as registered"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            with tracing.continued("supervise"):
                supervise(options["attempt"], options["node_rank"], options["master_address"])
        except AlreadySupervisedError:
            logger.info("Attempt %s has a supervisor already", options["attempt"])
        except MigratedError:
            # The trainer goes on, and the worker of the new release starts another supervisor.
            logger.warning("Attempt %s: the database was migrated, leaving", options["attempt"])

"""`manage.py supervise`: the process that starts, follows and ends the trainers of attempts."""

import logging
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from r1web import tracing
from r1web.cluster.supervisor.main import Supervision
from r1web.cluster.supervisor.orders import Order, Orders
from r1web.cluster.supervisor.schema import MigratedError

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Start or adopt the trainers of attempts and follow them to their ends: of those that a "
        "worker names on standard input, or of the given one."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("attempt", type=int, nargs="?")
        parser.add_argument("--node-rank", type=int, default=0, help="which of its nodes this is")
        parser.add_argument(
            "--master-address", default="", help="of node 0, when it is not as registered"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        tracing.start()
        alone = options["attempt"] is not None
        supervision = Supervision(options["master_address"])
        if alone:
            supervision.take(Order(options["attempt"], options["node_rank"]))
        try:
            supervision.run(Orders(None if alone else sys.stdin.fileno()))
        except MigratedError:
            # The trainers go on, and the worker of the new release starts another supervisor.
            logger.warning("The database was migrated, leaving")
        if alone and supervision.failed:
            raise CommandError("The attempt could not be supervised: see the log.")

"""`manage.py supervise ATTEMPT`: the process that starts, follows and ends one trainer."""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from r1web.cluster.supervisor.loop import AlreadySupervisedError, supervise

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Start or adopt the trainer of an attempt and follow it to its end."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("attempt", type=int)

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            supervise(options["attempt"])
        except AlreadySupervisedError:
            logger.info("Attempt %s has a supervisor already", options["attempt"])

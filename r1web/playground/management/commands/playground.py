"""`manage.py playground`: serves one model of a run to who asks over Redis, until nobody does."""

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from r1web.cluster.services import node_queue
from r1web.errors import NotFoundError
from r1web.playground import selectors, wires
from r1web.playground.services.relay import Relay


class Command(BaseCommand):
    help = "Serve a checkpoint of a run, or what the run started from, to the playground."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)
        parser.add_argument("--step", type=int, help="of the checkpoint; none: what it began with")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            speaker = selectors.speaker_of(selectors.any_run(options["run"]), options["step"])
        except NotFoundError as error:
            raise CommandError(error.detail) from error
        if speaker is None:
            raise CommandError(f"Run {options['run']} has no checkpoint of that step any more.")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that it says that it ends
        with wires.connect() as redis:
            Relay(speaker, node_queue(), redis).run()

"""`manage.py submission RUN`: what a run is, or would be, submitted to SLURM or Kubernetes as."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from r1web.cluster import services
from r1web.cluster.models import Node
from r1web.cluster.submission.system import SiteError
from r1web.runs.models import Run


class Command(BaseCommand):
    help = "Print what the next attempt of a run would be submitted as, by this worker's settings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="key of the run")
        parser.add_argument(
            "--check", action="store_true", help="ask the system what it says to it, too"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if settings.R1WEB_SUBMIT.to == Node.Kind.MACHINE:
            raise CommandError("Set R1WEB_SUBMIT_TO and R1WEB_SUBMIT_TEMPLATE as for the worker.")
        run = Run.objects.select_related("project", "owner").filter(pk=options["run"]).first()
        if run is None:
            raise CommandError(f"There is no run {options['run']}.")
        try:
            text = services.preview(run)
            self.stdout.write(text)
            if options["check"]:
                self.stderr.write(services.try_out(text))
        except SiteError as error:
            raise CommandError(str(error)) from error

"""`manage.py release`: the process that makes one release."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from r1web.releases import services


class Command(BaseCommand):
    help = "Make a release that was asked for, and follow it to its end; a worker starts this."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("release", type=int)

    def handle(self, *_: Any, **options: Any) -> None:
        services.export(release_id=options["release"])

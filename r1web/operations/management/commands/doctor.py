"""`manage.py doctor`: is everything there that r1web needs, and what to do where it is not."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from r1web.operations.doctor import examine


class Command(BaseCommand):
    help = "Check the installation; exit code 1 when a check fails."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")

    def handle(self, *_: Any, **options: Any) -> None:
        findings = examine()
        failed = any(finding.level == "fail" for finding in findings)
        if options["json"]:
            checks = [asdict(finding) for finding in findings]
            self.stdout.write(json.dumps({"ok": not failed, "checks": checks}, indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.level:5} {finding.name:24} {finding.detail}")
                if finding.advice:
                    self.stdout.write(f"{'':30} → {finding.advice}")
        if failed:
            sys.exit(1)

"""`manage.py reproduce BUNDLE`: run it again, and say which numbers agree."""

import json
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from r1web.reports.bundle import BundleError, read_bundle
from r1web.reports.services.reproducing import Reproduction, RerunError, reproduce


class Command(BaseCommand):
    help = "Run a bundle's run again, and say which numbers agree within the stated tolerance."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("bundle", type=Path)
        parser.add_argument("--steps", type=int, help="only so many; all that it had when left out")
        parser.add_argument("--run-dir", type=Path, help="a new directory; a temporary one if not")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        folder = options["run_dir"] or Path(tempfile.mkdtemp(prefix="r1web-reproduce-"))
        try:
            bundle = read_bundle(options["bundle"])
            self.stderr.write(f"Run #{bundle.about.run} {bundle.about.name}, again in {folder}")
            found = reproduce(bundle, folder.resolve(), options["steps"], self._step)
        except (BundleError, RerunError) as error:
            raise CommandError(str(error), returncode=2) from error
        except KeyboardInterrupt:
            self.stderr.write(f"Stopped. What there is of it is in {folder}.")
            sys.exit(130)
        self._tell(found, as_json=options["json"])
        sys.exit(0 if found.agrees else 1)

    def _step(self, step: int) -> None:
        self.stderr.write(f"step {step}", ending="\r")

    def _tell(self, found: Reproduction, *, as_json: bool) -> None:
        if as_json:
            told = {
                "agrees": found.agrees,
                "differences": found.differences,
                "compared": [{**asdict(each), **_words(each.told, each.again)}
                             for each in found.compared],
            }  # fmt: skip
            self.stdout.write(json.dumps(told, indent=1))
            return
        for line in found.differences or ["Versions, device, processes and dtype are the same."]:
            self.stdout.write(line)
        for each in found.compared:
            verdict = "agrees" if each.agrees else "DIFFERS"
            self.stdout.write(
                f"{verdict:8} {each.name:32} {each.told:>12.6g} {each.again:>12.6g}  "
                f"within {each.within or '–'}  ({each.steps})"
            )
        differing = sum(not each.agrees for each in found.compared)
        self.stdout.write(f"{len(found.compared) - differing} agree, {differing} differ.")


def _words(told: float, again: float) -> dict[str, float | str]:
    """JSON has no word for what is not finite."""
    numbers = {"told": told, "again": again}
    return {
        name: value if abs(value) < float("inf") else str(value) for name, value in numbers.items()
    }

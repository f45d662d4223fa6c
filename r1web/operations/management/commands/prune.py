"""`manage.py prune`: give room back now, and say what each project takes."""

from typing import Any

from django.core.management.base import BaseCommand

from r1web.operations.retention import prune, sizes

GIB = 1024**3


class Command(BaseCommand):
    help = "Remove what deleted runs left, compress journals of ended runs, show sizes by project."

    def handle(self, *_: Any, **__: Any) -> None:
        for sentence in filter(None, prune()):
            self.stdout.write(sentence)
        self.stdout.write(f"{'project':30} {'runs':>6} {'checkpoints':>14} {'other files':>14}")
        for size in sizes():
            checkpoints, others = size.checkpoint_bytes / GIB, size.other_bytes / GIB
            self.stdout.write(
                f"{size.project:30} {size.runs:6} {checkpoints:10.3f} GiB {others:10.3f} GiB"
            )

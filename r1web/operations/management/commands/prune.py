"""`manage.py prune`: give room back now, and say what each project takes."""

from typing import Any

from django.core.management.base import BaseCommand

from r1web.accounts.models import Project
from r1web.operations.retention import prune
from r1web.operations.selectors import project_overviews

GIB = 1024**3
COLUMNS = ("checkpoint_bytes", "journal_bytes", "release_bytes", "other_bytes", "deleted_bytes")


class Command(BaseCommand):
    help = "Remove what deleted runs left, compress journals of ended runs, show sizes by project."

    def handle(self, *_: Any, **__: Any) -> None:
        for sentence in filter(None, prune()):
            self.stdout.write(sentence)
        heads = "".join(f"{name.removesuffix('_bytes'):>12} GiB" for name in COLUMNS)
        self.stdout.write(f"{'project':30} {'runs':>6}{heads}{'points':>14}{'completions':>14}")
        for project in project_overviews(Project.objects.all(), None):
            sizes = "".join(f"{getattr(project, name) / GIB:16.3f}" for name in COLUMNS)
            rows = f"{project.points:14,}{project.completions:14,}"
            self.stdout.write(f"{project.slug:30} {project.runs:6}{sizes}{rows}")

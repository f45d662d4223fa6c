"""Texts that runs are found by: their name, preset and tags."""

from typing import Any

from django.db.models import QuerySet

from r1web.runs.models import Run, SearchText

LINE, TAG = "\n", "\t"
"""Neither is allowed in a name or a tag."""
FEW = 5_000


def few(rows: QuerySet[Any, int]) -> list[int] | None:
    """The keys if they are few, so that nobody has to look for them again; else None."""
    found = list(rows[: FEW + 1])
    return found if len(found) <= FEW else None


def search_text(run: Run) -> str:
    """What is kept of the run for `texts_with` and `texts_tagged`."""
    tags = (TAG + tag for tag in run.tags)
    return LINE.join(["", run.name, run.preset, *tags, ""]).casefold()


def texts_with(words: str) -> QuerySet[SearchText]:
    """Those that have these words in them, without regard to case."""
    return SearchText.objects.filter(text__contains=words.casefold())


def texts_tagged(tag: str) -> QuerySet[SearchText]:
    """Those with exactly this tag, without regard to case."""
    return texts_with(f"{LINE}{TAG}{tag}{LINE}")

"""What is read to compare runs, and of what is kept of comparisons."""

from r1web.compare.selectors.comparison import comparison
from r1web.compare.selectors.kept import (
    changeable_note,
    changeable_view,
    deleted_before,
    note_out,
    note_row,
    notes_of,
    restorable_note,
    restorable_view,
    version_of,
    version_out,
    version_row,
    view_out,
    views_of,
    visible_note,
    visible_view,
)
from r1web.compare.selectors.statistics import statistics

__all__ = [
    "changeable_note",
    "changeable_view",
    "comparison",
    "deleted_before",
    "note_out",
    "note_row",
    "notes_of",
    "restorable_note",
    "restorable_view",
    "statistics",
    "version_of",
    "version_out",
    "version_row",
    "view_out",
    "views_of",
    "visible_note",
    "visible_view",
]

"""Keeping views and notes."""

from r1web.compare.services.keeping import forget, remove, restore
from r1web.compare.services.notes import create_note, edit_note
from r1web.compare.services.views import create_view, edit_view

__all__ = [
    "create_note",
    "create_view",
    "edit_note",
    "edit_view",
    "forget",
    "remove",
    "restore",
]

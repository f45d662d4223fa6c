"""What is done with rollouts."""

from r1web.rollouts.services.appending import append_groups
from r1web.rollouts.services.marks import add_note, edit_note, remove_note, star, unstar
from r1web.rollouts.services.sealing import seal, seal_full

__all__ = [
    "add_note",
    "append_groups",
    "edit_note",
    "remove_note",
    "seal",
    "seal_full",
    "star",
    "unstar",
]

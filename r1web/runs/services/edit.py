"""Name, tags and place in the queue."""

import unicodedata
from collections.abc import Sequence

from django.db import transaction

from r1web.cluster.queue import nudge
from r1web.errors import InvalidError
from r1web.live.services import publish_runs
from r1web.runs.models import Run
from r1web.runs.services.listing import keep_search_text
from r1web.runs.services.transitions import lock

NAME_LENGTH, TAG_LENGTH, TAGS, PRIORITY = 120, 40, 20, 1000


@transaction.atomic
def edit_run(
    *,
    run: Run,
    name: str | None = None,
    tags: Sequence[str] | None = None,
    priority: int | None = None,
    preemptible: bool | None = None,
) -> Run:
    """Change what is given. Raises InvalidError at the field at fault."""
    run = lock(run)
    if name is not None:
        run.name = checked_name(name)
    if tags is not None:
        run.tags = checked_tags(tags)
    if priority is not None:
        run.priority = checked_priority(priority)
    if preemptible is not None:
        run.preemptible = preemptible
    run.save(update_fields=["name", "tags", "priority", "preemptible"])
    keep_search_text(run)
    transaction.on_commit(lambda: publish_runs([run.pk]))
    nudge()
    return run


def checked_name(name: str, of: str = "the run") -> str:
    """Without space around it. Raises InvalidError at the field "name"."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidError(
            f"A name has 1 to {NAME_LENGTH} characters, not {len(name)}: shorten it."
            if name
            else f"Give {of} a name.",
            path="name",
        )
    _require_printable(name, "name")
    return name


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Without repeats, in the order given."""
    kept = list(dict.fromkeys(tag.strip() for tag in tags))
    if len(kept) > TAGS or any(not 1 <= len(tag) <= TAG_LENGTH for tag in kept):
        raise InvalidError(
            f"A run has at most {TAGS} tags of 1 to {TAG_LENGTH} characters each.", path="tags"
        )
    for tag in kept:
        _require_printable(tag, "tags")
    return kept


def checked_priority(priority: int) -> int:
    if not -PRIORITY <= priority <= PRIORITY:
        raise InvalidError(
            f"A priority is from {-PRIORITY} to {PRIORITY}, not {priority}.", path="priority"
        )
    return priority


def _require_printable(text: str, path: str) -> None:
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise InvalidError("Control characters are not allowed: remove them.", path=path)

"""What a socket reads."""

from collections.abc import Iterable

from r1web.accounts.models import User
from r1web.accounts.selectors import projects_of
from r1web.live.messages import event_out
from r1web.runs.models import ACTIVE, Event
from r1web.runs.schemas import EventOut, RunRow
from r1web.runs.selectors import run_rows, visible_run, visible_runs


def last_seq(user: User, run_id: int) -> int:
    """Number of the newest event. Raises NotFoundError for a run the user may not see."""
    return visible_run(user, run_id).last_seq


def events_after(run_id: int, seq: int, limit: int) -> list[EventOut]:
    events = Event.objects.filter(run_id=run_id, seq__gt=seq).select_related("attempt")
    return [event_out(event) for event in events.order_by("seq")[:limit]]


def watched(user: User) -> tuple[set[int], set[int]]:
    """Keys of the user's projects, and of the runs under way in them."""
    projects = set(projects_of(user).values_list("pk", flat=True))
    active = set(visible_runs(user).filter(state__in=ACTIVE).values_list("pk", flat=True))
    return projects, active


def rows(user: User, run_ids: Iterable[int]) -> list[RunRow]:
    return run_rows(user, run_ids)

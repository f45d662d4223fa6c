"""What sockets read: for all of a process at once, in as many queries as for one."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from r1web.accounts.models import Membership
from r1web.accounts.services import Credentials
from r1web.live.messages import event_out
from r1web.metrics.selectors import told_by
from r1web.runs.models import ACTIVE, Event, Run
from r1web.runs.schemas import EventOut, RunRow
from r1web.runs.selectors import rows_with_projects


@dataclass(frozen=True)
class Seen:
    """Who is there, what they may see, and how far the runs have come."""

    users: dict[Credentials, int]
    projects: dict[int, frozenset[int]]
    """By user."""
    runs: dict[int, tuple[int, int]]
    """Project and number of the newest event, by run."""

    def last_seq(self, user_id: int, run_id: int) -> int | None:
        """None: there is no such run for this user."""
        project, last_seq = self.runs.get(run_id, (0, 0))
        return last_seq if project in self.projects[user_id] else None


def look(users: dict[Credentials, int], run_ids: Collection[int]) -> Seen:
    runs = Run.objects.filter(pk__in=run_ids, deleted_at=None)
    places = runs.values_list("pk", "project", "last_seq")
    return Seen(
        users=users,
        projects=_projects(set(users.values())),
        runs={pk: (project, last_seq) for pk, project, last_seq in places},
    )


def events_after(run_id: int, seq: int, limit: int) -> list[EventOut]:
    """At most `limit` events after that number, in order."""
    after = Event.objects.filter(run_id=run_id, seq__gt=seq).select_related("attempt")
    events = list(after.order_by("seq")[:limit])
    in_series = {event.seq for event in events if event.type == "metrics" and not event.payload}
    told = told_by(run_id, in_series)
    for event in events:
        if event.seq in told:
            time, values = told[event.seq]
            event.payload = {"time": time, "values": values}
    return [event_out(event) for event in events]


def active_runs() -> set[int]:
    """Keys of the runs under way, of all projects."""
    return set(Run.objects.filter(state__in=ACTIVE, deleted_at=None).values_list("pk", flat=True))


def list_news(
    user_ids: Collection[int], run_ids: Collection[int]
) -> tuple[dict[int, frozenset[int]], list[tuple[int, RunRow]]]:
    """The projects of each user, and the rows of these runs, each with its project."""
    return _projects(user_ids), rows_with_projects(run_ids)


def _projects(user_ids: Collection[int]) -> dict[int, frozenset[int]]:
    found = defaultdict(set)
    of_these = Membership.objects.filter(user__in=user_ids).values_list("user", "project")
    for user, project in of_these:
        found[user].add(project)
    return {user: frozenset(found[user]) for user in user_ids}

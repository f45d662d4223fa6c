"""Work that is lost when a run goes on from an earlier step."""

from collections.abc import Mapping

from r1web.ledger.models import Booking, Mark, Phase
from r1web.ledger.reading import NO_WORK
from r1web.ledger.services.rows import Rows, place_of
from r1web.runs.models import Attempt
from r1web.runs.superseded import BEFORE_ALL, last_valid_steps


def lose_what_is_done_again(attempt: Attempt) -> None:
    """Book as waste what earlier attempts did after the step that this one starts from."""
    earlier = list(Attempt.objects.filter(run=attempt.run_id, number__lt=attempt.number))
    limits = last_valid_steps(earlier)
    start = attempt.start_step or BEFORE_ALL
    for one in earlier:
        limit = limits[one.pk]
        if limit is None or start < limit:
            _lose_after(one, start)


def _lose_after(attempt: Attempt, step: int) -> None:
    kept = _kept(attempt, step)
    if kept is None:
        return
    bookings = list(Booking.objects.filter(attempt=attempt))
    rows = Rows(bookings)
    for row in [row for row in bookings if row.phase not in NO_WORK]:
        lost = row.device_ms - kept.get(str(row.pk), 0)
        if lost > 0:
            origin = place_of(row)
            rows.move(row.run_id, origin, origin._replace(phase=Phase.WASTE), lost)
    rows.save()
    Mark.objects.filter(attempt=attempt, step__gt=max(step, 0)).delete()


def _kept(attempt: Attempt, step: int) -> Mapping[str, int] | None:
    """What stands by key of the booking; None when that is not known, so that all does."""
    if step <= attempt.start_step:
        return {}
    mark = Mark.objects.filter(attempt=attempt, step=step).first()
    return mark.booked if mark else None

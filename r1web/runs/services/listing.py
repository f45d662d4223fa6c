"""Keeps what lists are searched and sorted by beside the runs, whose rows are wide."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils import timezone

from r1web.bulk import insert_all
from r1web.runs.models import LastValue, Run, SearchText, ValueName
from r1web.runs.selectors.searching import search_text
from r1web.runs.selectors.spending import with_devices
from r1web.runs.selectors.values import values_of

ROW = ["run_id", "name_id", "value"]


def keep_search_text(run: Run) -> None:
    """To be called whenever one of them was changed."""
    SearchText.objects.update_or_create(run=run, defaults={"text": search_text(run)})


@transaction.atomic
def keep_last_values(run_ids: Collection[int]) -> None:
    """Write these runs' values anew, from their rows and attempts as the database has them."""
    now = timezone.now()
    attempts = defaultdict(list)
    for attempt in with_devices().filter(run__in=run_ids):
        attempts[attempt.run_id].append(attempt)
    runs = Run.objects.only("summary", "last_step").filter(pk__in=run_ids)
    values = {run.pk: values_of(run, attempts[run.pk], now) for run in runs}
    keys = _keys_of({name for those in values.values() for name in those})
    LastValue.objects.filter(run__in=run_ids).delete()
    rows = [(run, keys[name], x) for run, those in values.items() for name, x in those.items()]
    insert_all(LastValue, ROW, rows)


def _keys_of(names: Iterable[str]) -> dict[str, int]:
    """Keys of these names, which are made where there are none. In order: two that make the same
    ones at once would wait for each other else."""
    wanted = sorted(names)
    known = dict(ValueName.objects.filter(name__in=wanted).values_list("name", "pk"))
    missing = [ValueName(name=name) for name in wanted if name not in known]
    if not missing:
        return known
    ValueName.objects.bulk_create(missing, ignore_conflicts=True)
    return dict(ValueName.objects.filter(name__in=wanted).values_list("name", "pk"))

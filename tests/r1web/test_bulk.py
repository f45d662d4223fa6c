"""Rows that a database refuses are refused in Django's words, however they are written."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from r1web.bulk import insert_all
from r1web.runs.models import Event, Run

NAMES = ["run_id", "seq", "type", "step", "at", "payload"]


def test_a_row_that_is_there_already_is_an_integrity_error(make_run: Callable[..., Run]) -> None:
    run = make_run()
    row = (run.pk, 1, "log", 0, timezone.now(), {})
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all(Event, NAMES, [row])
    insert_all(Event, NAMES, [(run.pk, 2, "log", 0, timezone.now(), {"message": "tab\tback\\n"})])
    assert Event.objects.get(run=run, seq=2).payload == {"message": "tab\tback\\n"}

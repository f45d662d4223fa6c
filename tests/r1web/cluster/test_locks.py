"""What holds an attempt does not keep others from writing rows that name it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, connections, transaction

from r1web.runs.models import Attempt, Run, State
from r1web.runs.services import lock_attempt, request_stop
from tests.r1web.cluster.test_database_away import ON_POSTGRESQL
from tests.r1web.cluster.test_supervisor import AttemptOf, state_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one lock, for the whole file"),
]


@pytest.fixture
def held(make_run: Callable[..., Run], attempt_of: AttemptOf) -> Iterator[Attempt]:
    """An attempt that another thread holds, as a supervisor does while it reads the journal."""
    attempt = attempt_of(make_run())
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_attempt(attempt.pk)
            locked.set()
            done.wait()
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait()
    yield attempt
    done.set()
    thread.join()


@transaction.atomic
def test_a_run_is_stopped_while_its_journal_is_read(held: Attempt) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
    request_stop(run=held.run, actor="olga")
    assert state_of(held.run) == State.STOPPING

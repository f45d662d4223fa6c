"""PostgreSQL is killed, or has no connection left, in the middle of a run."""

import time
from contextlib import ExitStack, suppress

import psycopg
import pytest
from django.db import connection

from tests.r1web.cluster.conftest import CONNECTIONS
from tests.r1web.cluster.test_database_away import assert_nothing_is_missing, let_it_end_meanwhile
from tests.r1web.cluster.test_supervisor import AttemptOf, MakeRun, Supervise, has_started
from tests.r1web.servers import OwnPostgres, why_no_postgres
from tests.r1web.waiting import away_since, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # It starts a server of its own; `make test` has to pass on machines without PostgreSQL.
    pytest.mark.skipif(bool(why_no_postgres()), reason=why_no_postgres()),
]


def test_a_postgresql_that_is_killed_and_starts_again_loses_nothing(
    own_postgres: OwnPostgres, make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    launcher_pid = started.launcher().pid
    connection.close()
    own_postgres.kill()
    then = time.monotonic()
    let_it_end_meanwhile(started, launcher_pid)
    away_since(then)
    own_postgres.start()
    started.wait()
    assert_nothing_is_missing(run)


def test_a_postgresql_without_a_free_connection_holds_nothing_up(
    own_postgres: OwnPostgres, make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    launcher_pid = started.launcher().pid
    connection.close()
    with ExitStack() as others:
        admin = others.enter_context(own_postgres.connect())
        until(lambda: _all_taken(own_postgres, admin, others))
        let_it_end_meanwhile(started, launcher_pid)
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            own_postgres.connect()
    started.wait()
    assert_nothing_is_missing(run)


OURS = "backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name"


def _all_taken(
    server: OwnPostgres, admin: "psycopg.Connection[tuple[object, ...]]", others: ExitStack
) -> bool:
    """End the supervisor's session and take every place; whether it came too late to get one."""
    admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS} <> 'hog'")
    with suppress(psycopg.OperationalError):
        while True:
            hog = others.enter_context(server.connect())
            hog.execute("SET application_name = 'hog'")
    hogs = admin.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {OURS} = 'hog'").fetchone()
    return hogs == (CONNECTIONS - 1,)

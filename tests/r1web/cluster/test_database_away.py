"""The database goes away in the middle of a run and comes back: training has gone on."""

import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from django.db import OperationalError, connection

from r1web.cluster.supervisor import database as module
from r1web.cluster.supervisor.database import Database
from r1web.processes import is_alive
from r1web.runs.models import Attempt, Run, State
from tests.r1web.cluster.conftest import Started, database_url
from tests.r1web.cluster.test_supervisor import (
    AttemptOf,
    MakeRun,
    Supervise,
    has_started,
    state_of,
    steps_of,
    warnings_of,
)
from tests.r1web.waiting import until

ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


def let_it_end_meanwhile(started: Started, launcher_pid: int) -> None:
    """The trainer takes its other steps and ends; its supervisor notices that it cannot write."""
    (started.folder / "go-on").touch()
    until(lambda: not is_alive(launcher_pid, None))
    until(lambda: "The database is away, training goes on" in started.log())
    assert started.process.poll() is None


def assert_nothing_is_missing(run: Run) -> None:
    assert state_of(run) == State.FINISHED
    assert steps_of(run) == [1, 2, 3, 4, 5]
    assert warnings_of(run) == []
    seqs = list(run.events.values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.skipif(ON_POSTGRESQL, reason="locks the file of SQLite")
@pytest.mark.django_db(transaction=True)
def test_a_locked_sqlite_holds_nothing_up(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    run = make_run()
    started = supervise(attempt_of(run), "pause")
    until(lambda: has_started(run))
    launcher_pid = started.launcher().pid
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        let_it_end_meanwhile(started, launcher_pid)
        other.execute("ROLLBACK")
    started.wait()
    assert_nothing_is_missing(run)


class Proxy:
    """A TCP port in front of PostgreSQL that can be cut off and put back."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.links: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and every new one as soon as it is made."""
        self.open = False
        for link in self.links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        self.open = True

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            if not self.open:
                client.close()
                continue
            server = socket.create_connection(self.target)
            self.links += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)


@pytest.mark.skipif(not ON_POSTGRESQL, reason="cuts the connection to PostgreSQL")
@pytest.mark.django_db(transaction=True)
def test_a_postgresql_that_cannot_be_reached_holds_nothing_up(
    make_run: MakeRun, attempt_of: AttemptOf, supervise: Supervise
) -> None:
    given = connection.settings_dict
    proxy = Proxy(given["HOST"] or "127.0.0.1", int(given["PORT"] or 5432))
    run = make_run()
    port = given["PORT"] or 5432
    url = database_url().replace(f"{given['HOST']}:{port}/", f"127.0.0.1:{proxy.port}/")
    started = supervise(attempt_of(run), "pause", database=url)
    until(lambda: has_started(run))
    launcher_pid = started.launcher().pid
    proxy.cut()
    let_it_end_meanwhile(started, launcher_pid)
    assert Attempt.objects.get(run=run).ended_at is None
    proxy.restore()
    started.wait()
    assert_nothing_is_missing(run)


def failing(times: int) -> Callable[[], str]:
    left = iter(range(times))

    def action() -> str:
        for _ in left:
            raise OperationalError("away")
        return "done"

    return action


def test_tries_are_spaced_out_and_told_once(
    caplog: pytest.LogCaptureFixture, transactional_db: None
) -> None:
    now = 0.0
    database = Database(clock=lambda: now)
    action = failing(4)
    while not database.attempt(action):
        now += 0.125
        assert now < 100
    assert now == 0.5 + 1 + 2 + 4
    assert [record.message for record in caplog.records if "away" in record.message] == [
        "The database is away, training goes on: away"
    ]


def test_what_has_to_be_written_is_written_in_the_end(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.001)
    assert Database().insist(failing(5)) == "done"


def test_a_database_that_was_never_reached_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([OperationalError, OperationalError, OperationalError, None, None])

    def note(_: object) -> None:
        if answer := next(answers):
            raise answer

    monkeypatch.setattr("r1web.cluster.supervisor.schema.Schema.note", note)
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)
    assert Database().insist(lambda: "there") == "there"

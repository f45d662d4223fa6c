"""Work that needs the database, which may be away for minutes while training goes on."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import copy_context
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from r1web.cluster.supervisor.schema import Schema

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
AWAY = (OperationalError, InterfaceError)


class Database:
    """Tries, and after a failure waits ever longer before it lets anybody try again.

    With `threads` every action is done by one of these, so that hundreds who wait here have no more
    connections than there are of them.

    Raises MigratedError when it refuses something and was migrated since this process began.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        threads: Executor | None = None,
        schema: Schema | None = None,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._pause = 0.0
        self._try_again_at = 0.0
        self._schema = schema or Schema()

    def attempt(self, action: Callable[[], object]) -> bool:
        """Whether the action was done; not when the database is away, or was a moment ago."""
        if self._clock() < self._try_again_at:
            return False
        try:
            self._do(action)
        except AWAY as error:
            self._failed(error)
            return False
        self._succeeded()
        return True

    def insist(self, action: Callable[[], T]) -> T:
        """The action's result, however long the database is away."""
        while True:
            try:
                result = self._do(action)
            except AWAY as error:
                self._failed(error)
                time.sleep(self._pause)
            else:
                self._succeeded()
                return result

    def refused(self) -> None:
        """To be called before anything is given up because the database said no."""
        with suppress(*AWAY):
            self._schema.check()

    def _do(self, action: Callable[[], T]) -> T:
        if self._threads is None:
            return self._here(action)
        return self._threads.submit(copy_context().run, self._here, action).result()

    def _here(self, action: Callable[[], T]) -> T:
        try:
            self._schema.note()
            return action()
        except AWAY:
            connection.close()
            raise
        except DatabaseError:
            self.refused()
            raise

    def _succeeded(self) -> None:
        if self._pause:
            logger.info("The database is back")
        self._pause = 0.0

    def _failed(self, error: Exception) -> None:
        if not self._pause:
            logger.warning("The database is away, training goes on: %s", error)
        with suppress(*AWAY):  # it may be away before the schema was ever seen
            self._do(self.refused)
        self._pause = min(LONGEST_PAUSE_S, self._pause * 2 or FIRST_PAUSE_S)
        self._try_again_at = self._clock() + self._pause

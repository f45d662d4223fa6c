"""How the web process answers HTTP: middleware and views are plain code, so they run in threads."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.db import database_sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections

THREADS = 8
"""As many requests are worked on at once, and as many connections to the database are kept.

More would only take turns with the loop, which live messages wait for.
"""
KEPT_S = 60

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ThreadedHandler(ASGIHandler):
    """Runs a request from the first middleware to the view in one go, in one of a few threads.

    Django's own goes to and fro between loop and thread for each middleware, in a thread made for
    the request, with a connection of its own to the database.
    """

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await self.handle(scope, receive, send)

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 - Django's form
        super().load_middleware(is_async=False)
        self._middleware_chain = database_sync_to_async(
            self._middleware_chain,  # type: ignore[has-type]  # Django's own
            thread_sensitive=False,
            executor=ThreadPoolExecutor(THREADS, thread_name_prefix="request"),
        )


def keep_connections() -> None:
    """Let threads keep their connection to PostgreSQL: a new one costs it as much as the queries.

    Before it is used for another request it is tried, and opened anew when it is broken.
    """
    database = connections.settings["default"]
    if database["ENGINE"].endswith("postgresql"):
        database["CONN_MAX_AGE"] = KEPT_S

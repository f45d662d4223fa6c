"""The list of runs, live: rows that changed are read once for all who watch, once a second."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from r1web.live import selectors
from r1web.live.messages import RunsMessage
from r1web.live.reading import in_db

LIST_INTERVAL_S = 1.0


class Watcher(Protocol):
    """What is known here of a socket."""

    user_id: int

    def hear(self, message: Any) -> None: ...


class Lists:
    def __init__(self, watchers: Callable[[], Collection[Watcher]]) -> None:
        self._watchers = watchers
        self._ids: set[int] = set()
        self._active: set[int] = set()
        self._refresh = False
        self._woken = asyncio.Event()

    def changed(self, run_ids: Iterable[int]) -> None:
        self._ids.update(run_ids)
        self._woken.set()

    def refresh(self) -> None:
        """Send what is under way once more: somebody is new, or a message may have been lost."""
        self._refresh = True
        self._woken.set()

    async def run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._watchers():
                await self._send_news()
            await asyncio.sleep(LIST_INTERVAL_S)

    async def _send_news(self) -> None:
        ids, self._ids = self._ids, set()
        if self._refresh:
            self._refresh = False
            active = await in_db(selectors.active_runs)
            ids |= active | self._active
            self._active = active
        watchers = list(self._watchers())
        users = {watcher.user_id for watcher in watchers}
        projects, rows = await in_db(selectors.list_news, users, ids)
        messages: dict[frozenset[int], RunsMessage] = {}
        for watcher in watchers:
            seen = projects[watcher.user_id]
            if seen not in messages:
                of_these = [row for project, row in rows if project in seen]
                messages[seen] = RunsMessage(runs=of_these)
            if messages[seen].runs:
                watcher.hear(messages[seen])

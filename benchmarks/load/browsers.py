"""Browsers on WebSockets: each takes a snapshot, follows its run, and fetches what it missed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from benchmarks.load.plan import LIST_SHARE, Plan
from benchmarks.load.rest import HOST, AnswerError, Rest
from benchmarks.load.together import Side

AGAIN_AFTER_S = 1.0
CATCH_UP_S = 30.0
"""A socket looks by itself for what it has not heard, with every ping: each 15 s."""


@dataclass
class Seen:
    delays: list[tuple[float, float]] = field(default_factory=list)
    """Of each metrics event: when the trainer wrote it, and how much later it was here."""
    counts: Counter[str] = field(default_factory=Counter)
    behind: Counter[int] = field(default_factory=Counter)
    """Events that browsers never got, by run."""


class Browser:
    """One page of the browser app; `run` None for the list of runs."""

    def __init__(self, plan: Plan, rest: Rest, run: int | None, seen: Seen) -> None:
        self.run, self.rest, self.seen = run, rest, seen
        self.seq = 0
        self.address = f"ws://{HOST}:{plan.port}/ws/runs"
        self.headers = {"Cookie": f"sessionid={plan.session}"}
        self.origin = Origin(f"http://{HOST}:{plan.port}")
        self.opened = asyncio.Event()
        self.moved = asyncio.Event()

    async def snapshot(self) -> None:
        """What a page asks for before it follows its run."""
        if self.run is not None:
            run = await self._get(f"/runs/{self.run}")
            await self._get(f"/runs/{self.run}/metrics?max_points=2000")
            self.seq = run["last_seq"]

    async def _get(self, path: str) -> Any:
        """The answer, however often it has to be asked for."""
        while True:
            try:
                return json.loads(await asyncio.to_thread(self.rest.get, path))
            except (AnswerError, OSError, HTTPException):
                self.seen.counts["failed fetches"] += 1
                await asyncio.sleep(AGAIN_AFTER_S)

    async def until(self, seq: int) -> None:
        """Wait for that event."""
        while self.seq < seq:
            self.moved.clear()
            await self.moved.wait()

    async def follow(self) -> None:
        """Keep the socket open, until cancelled."""
        while True:
            try:
                async with self._connect() as socket:
                    await self._read(socket)
            except (OSError, WebSocketException):
                pass
            self.seen.counts["lost sockets"] += 1
            await asyncio.sleep(AGAIN_AFTER_S)

    def _connect(self) -> connect:
        address = self.address
        if self.run is not None:
            address += f"/{self.run}?after_seq={self.seq}"
        return connect(
            address,
            origin=self.origin,
            additional_headers=self.headers,
            max_size=None,
            proxy=None,
            ping_interval=None,
        )

    async def _read(self, socket: ClientConnection) -> None:
        async for text in socket:
            now = time.time()
            self.seen.counts["bytes"] += len(text)
            self.opened.set()
            if self.run is None:
                self.seen.counts["list messages"] += 1
                continue
            message = json.loads(text)
            if message["type"] == "events":
                self.seen.counts["messages"] += 1
                await self._receive(message, now)

    async def _receive(self, message: dict[str, Any], now: float) -> None:
        if message["first_seq"] > self.seq + 1:
            self.seen.counts["holes"] += 1
            await self._fetch(message["first_seq"] - 1)
        if message["events"] is None:
            self.seen.counts["told to fetch"] += 1
            await self._fetch(message["last_seq"])
        else:
            self._take(message["events"], now)

    async def _fetch(self, last_seq: int) -> None:
        while self.seq < last_seq:
            answer = await self._get(f"/runs/{self.run}/events?after_seq={self.seq}&limit=1000")
            if not answer["items"]:
                await asyncio.sleep(AGAIN_AFTER_S)
            self._take(answer["items"], time.time())

    def _take(self, events: list[dict[str, Any]], now: float) -> None:
        for event in events:
            if event["seq"] <= self.seq:
                continue
            self.seen.counts["holes within"] += event["seq"] != self.seq + 1
            self.seq = event["seq"]
            self.moved.set()
            self.seen.counts["events"] += 1
            if event["type"] == "metrics":
                written = event["payload"]["time"]
                self.seen.delays.append((written, now - written))


def browse(side: Side) -> Seen:
    return asyncio.run(_browse(side))


async def _browse(side: Side) -> Seen:
    plan, seen = side.plan, Seen()
    rest = Rest(plan.port, {"Cookie": f"sessionid={plan.session}"})
    places = range(side.share, plan.size.browsers, side.shares)
    browsers = [Browser(plan, rest, _shown(plan, place), seen) for place in places]
    async with asyncio.TaskGroup() as tasks:
        following = [await _open(browser, tasks) for browser in browsers]
        await asyncio.to_thread(side.ready)
        last_seqs = await asyncio.to_thread(side.hear)
        await _catch_up(browsers, last_seqs)
        for task in following:
            task.cancel()
    return seen


async def _open(browser: Browser, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
    await browser.snapshot()
    task = tasks.create_task(browser.follow())
    await browser.opened.wait()
    return task


def _shown(plan: Plan, place: int) -> int | None:
    """The browsers spread evenly over the runs, but for those on the list."""
    number, rest = divmod(place, LIST_SHARE)
    if rest == LIST_SHARE - 1:
        return None
    return plan.runs[(number * (LIST_SHARE - 1) + rest) % len(plan.runs)]


async def _catch_up(browsers: list[Browser], last_seqs: dict[int, int]) -> None:
    """Wait for the newest events; note who does not get them."""
    goals = [(browser, last_seqs[browser.run]) for browser in browsers if browser.run is not None]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CATCH_UP_S):
            for browser, last_seq in goals:
                await browser.until(last_seq)
    for browser, last_seq in goals:
        if browser.run is not None and browser.seq < last_seq:
            browser.seen.behind[browser.run] += last_seq - browser.seq

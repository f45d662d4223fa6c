"""The process between Redis and `python -m training serve`: requests in, events out.

It ends when nobody has asked for a while, when its worker is gone or its node is to take nothing
new, and when Redis or the trainer is away. The trainer ends when its standard input does.
"""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from redis import Redis
from redis.exceptions import RedisError

from r1web.playground import selectors, wires
from r1web.playground.selectors import Speaker
from r1web.playground.services.reading import ENDS, FAILED, Event
from r1web.playground.wires import Wires

logger = logging.getLogger(__name__)

IDLE_S = 600.0
THREADS = 2
NICE = 10
"""Training and the web go first."""
GRACE_S = 10.0
ENDED = "The session with the model has ended: ask again."


class Trainer:
    """`training serve` for one model: always on the CPU, with few threads and low priority.

    `hear` gets its events, in a thread of their own.
    """

    def __init__(self, speaker: Speaker, hear: Callable[[Event], None]) -> None:
        command = [*settings.SERVE_COMMAND, "--model", speaker.path]
        directory = selectors.run_directory(speaker.run)
        if (directory / "config.json").is_file():
            command += ["--config", str(directory)]
        self._hear, self._last_line = hear, ""
        self._process = subprocess.Popen(
            ["/usr/bin/env", "nice", "-n", str(NICE), *command],
            cwd=settings.BASE_DIR,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(THREADS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=read, name=read.__name__, daemon=True)
            for read in (self._read_events, self._read_log)
        ]
        for reader in self._readers:
            reader.start()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> str:
        """Have it end, if it has not by itself; why it did, for who waits for an answer."""
        assert self._process.stdin is not None  # noqa: S101 - likewise
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            logger.info("The trainer has ended by itself")
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            code = 0  # by us
        for reader in self._readers:
            reader.join(GRACE_S)
        return self._why(code)

    def _why(self, code: int) -> str:
        if code in {0, -signal.SIGTERM}:
            return ENDED
        how = f"was ended by signal {-code}" if code < 0 else f"has failed: {self._last_line}"
        return f"The process with the model {how.rstrip('.')}. Ask again."

    def _read_events(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - likewise
        with self._process.stdout as lines:
            for line in lines:
                self._hear(json.loads(line))

    def _read_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - likewise
        with self._process.stderr as lines:
            for line in lines:
                self._last_line = line.strip() or self._last_line
                sys.stderr.write(line)
                sys.stderr.flush()


class Relay:
    def __init__(self, speaker: Speaker, queue: str, redis: Redis) -> None:
        self._speaker, self._queue, self._redis = speaker, queue, redis
        self._wires = Wires(queue, speaker.name)
        self._owner = secrets.token_urlsafe(8)
        self._worker = os.getppid()
        self._open: set[str] = set()
        """Requests that were taken and have not ended."""
        self._ready: Event | None = None
        self._changed = threading.Lock()
        self._lost = threading.Event()
        """An event did not get through: no answer is whole any more."""

    def run(self) -> None:
        """Serve until it ends; at once when another process does already."""
        if not self._redis.set(self._wires.owner, self._owner, nx=True, ex=wires.OWNED_S):
            return
        logger.info("Serving %s", self._speaker.name)
        trainer = Trainer(self._speaker, self._pass_on)
        try:
            self._serve(trainer)
        except RedisError as error:
            logger.warning("Redis is away, the session ends: %s", error)
        finally:
            self._leave(trainer.end())

    def _serve(self, trainer: Trainer) -> None:
        busy = time.monotonic()
        while trainer.is_running() and time.monotonic() - busy < IDLE_S:
            if os.getppid() != self._worker or not self._may_stay() or not self._owns():
                return
            taken: Any = self._redis.blpop([self._wires.requests], timeout=wires.BLOCK_S)
            if taken is not None:
                self._take(trainer, str(taken[1]))
            if taken is not None or self._open:
                busy = time.monotonic()

    def _owns(self) -> bool:
        """Whether Redis still knows of this session and of all it has said, which one that died and
        came back does not."""
        known = self._redis.get(self._wires.owner) == self._owner and not self._lost.is_set()
        if known:
            self._redis.expire(self._wires.owner, wires.OWNED_S)
        else:
            logger.warning("Redis has forgotten the session, which ends")
        return known

    def _take(self, trainer: Trainer, line: str) -> None:
        request = json.loads(line)
        if request["type"] != "cancel":
            with self._changed:
                self._open.add(request["id"])
                state = self._ready or {"type": "loading"}
            self._tell([{**state, "id": request["id"]}], first=True)
        try:
            trainer.tell(line)
        except BrokenPipeError:
            logger.info("The trainer has ended; what was asked is refused")

    def _may_stay(self) -> bool:
        try:
            return selectors.may_serve(self._queue)
        except (OperationalError, InterfaceError):
            return True  # the database is away, which is no reason to stop talking
        finally:
            connection.close()

    def _pass_on(self, event: Event) -> None:
        if self._lost.is_set():
            return
        try:
            self._tell(self._for_whom(event))
        except RedisError as error:
            logger.warning("Redis is away, an event is lost: %s", error)
            self._lost.set()

    def _for_whom(self, event: Event) -> list[Event]:
        """The event, once for each request that it concerns."""
        with self._changed:
            if event["type"] == "ready":
                self._ready = event
                return [{**event, "id": each} for each in self._open]
            if event["type"] in ENDS:
                self._open.discard(event["id"])
        return [event] if event["id"] is not None else []

    def _tell(self, events: list[Event], *, first: bool = False) -> None:
        """A Redis that died and came back gets no second half of an answer: only what is first
        makes a stream."""
        with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                key, line = wires.answer(event["id"]), json.dumps(event)
                pipe.xadd(key, {"event": line}, maxlen=wires.LONGEST_STREAM, nomkstream=not first)
                pipe.expire(key, wires.KEPT_S)
            pipe.execute()

    def _leave(self, reason: str) -> None:
        """Say to all who still wait why nothing comes any more, and let another serve."""
        try:
            self._fail(self._open, reason)
            if self._redis.get(self._wires.owner) == self._owner:
                self._redis.delete(self._wires.owner, self._wires.asked)
                lines: Any = self._redis.lpop(self._wires.requests, 1000) or ()
                left = [json.loads(line) for line in lines]
                self._fail({each["id"] for each in left if each["type"] != "cancel"}, reason)
        except RedisError as error:
            logger.warning("Redis is away, nobody could be told that the session ended: %s", error)

    def _fail(self, requests: set[str], reason: str) -> None:
        ends = [{"id": each, "type": FAILED, "message": reason} for each in requests]
        self._tell(ends, first=True)

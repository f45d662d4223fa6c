"""The process between Redis and `python -m training serve`: requests in, events out.

It ends when nobody has asked for a while, when its worker is gone or its node is to take nothing
new, and when Redis or the trainer is away. The trainer ends when its standard input does.
"""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from redis import Redis
from redis.exceptions import RedisError

from r1web.playground import selectors, wires
from r1web.playground.selectors import Speaker
from r1web.playground.services.reading import ENDS
from r1web.playground.wires import Wires

logger = logging.getLogger(__name__)

IDLE_S = 600.0
THREADS = 2
NICE = 10
"""Training and the web go first."""
LINES_KEPT = 5


class Trainer:
    """`training serve` for one model: always on the CPU, with few threads and low priority."""

    def __init__(self, speaker: Speaker) -> None:
        command = [sys.executable, "-m", "training", "serve", "--model", speaker.path]
        directory = selectors.run_directory(speaker.run)
        if (directory / "config.json").is_file():
            command += ["--config", str(directory)]
        self.said: deque[str] = deque(maxlen=LINES_KEPT)
        self.process = subprocess.Popen(
            ["/usr/bin/env", "nice", "-n", str(NICE), *command],
            cwd=settings.BASE_DIR,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(THREADS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._hear, name="trainer-log", daemon=True).start()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        assert self.process.stdin is not None  # noqa: S101 - likewise
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            logger.info("The trainer has ended by itself")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _hear(self) -> None:
        assert self.process.stderr is not None  # noqa: S101 - likewise
        for line in self.process.stderr:
            self.said.append(line.strip())
            sys.stderr.write(line)
            sys.stderr.flush()


class Relay:
    def __init__(self, speaker: Speaker, queue: str) -> None:
        self._speaker, self._queue = speaker, queue
        self._wires = Wires(queue, speaker.name)
        self._redis: Redis = wires.connect()
        self._owner = f"{queue}:{os.getpid()}"
        self._worker = os.getppid()
        self._open: set[str] = set()
        """Requests that were taken and have not ended."""
        self._ready: dict[str, Any] | None = None
        self._changed = threading.Lock()

    def run(self) -> None:
        """Serve until it ends; at once when another process does already."""
        if not self._redis.set(self._wires.owner, self._owner, nx=True, ex=wires.OWNED_S):
            return
        logger.info("Serving %s", self._speaker.name)
        trainer = Trainer(self._speaker)
        events = threading.Thread(target=self._pass_on, args=(trainer,), daemon=True)
        events.start()
        try:
            self._serve(trainer)
        except RedisError as error:
            logger.warning("Redis is away, the session ends: %s", error)
        finally:
            trainer.end()
            events.join(10)
            self._leave(trainer)

    def _serve(self, trainer: Trainer) -> None:
        busy = time.monotonic()
        while trainer.process.poll() is None and time.monotonic() - busy < IDLE_S:
            self._redis.set(self._wires.owner, self._owner, ex=wires.OWNED_S)
            if os.getppid() != self._worker or not self._may_stay():
                return
            taken = self._redis.blpop([self._wires.requests], timeout=wires.BLOCK_S)
            if taken is not None:
                self._take(trainer, str(taken[1]))
            if taken is not None or self._open:
                busy = time.monotonic()

    def _take(self, trainer: Trainer, line: str) -> None:
        request = json.loads(line)
        if request["type"] != "cancel":
            with self._changed:
                self._open.add(request["id"])
                state = self._ready or {"type": "loading"}
            self._tell([{**state, "id": request["id"]}])
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

    def _pass_on(self, trainer: Trainer) -> None:
        assert trainer.process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for line in trainer.process.stdout:
            event = json.loads(line)
            try:
                self._tell(self._for_whom(event))
            except RedisError as error:
                logger.warning("Redis is away, an event is lost: %s", error)
                return

    def _for_whom(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """The event, once for each request that it concerns."""
        with self._changed:
            if event["type"] == "ready":
                self._ready = event
                return [{**event, "id": each} for each in self._open]
            if event["type"] in ENDS:
                self._open.discard(event["id"])
        return [event] if event["id"] is not None else []

    def _tell(self, events: list[dict[str, Any]]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                key = wires.answer(event["id"])
                pipe.xadd(key, {"event": json.dumps(event)}, maxlen=wires.LONGEST_STREAM)
                if event["type"] in ENDS | {"loading", "ready"}:
                    pipe.expire(key, wires.KEPT_S)
            pipe.execute()

    def _leave(self, trainer: Trainer) -> None:
        """Say to all who still wait why nothing comes any more, and let another serve."""
        failed = (trainer.process.returncode or 0) > 0
        words = trainer.said[-1] if failed and trainer.said else ""
        reason = words or "The session with the model has ended: ask again."
        try:
            self._redis.delete(self._wires.owner, self._wires.asked)
            lines: Any = self._redis.lpop(self._wires.requests, 1000) or ()
            left = [json.loads(line) for line in lines]
            waiting = self._open | {each["id"] for each in left if each["type"] != "cancel"}
            self._tell([{"id": each, "type": "refused", "message": reason} for each in waiting])
        except RedisError as error:
            logger.warning("Redis is away, nobody could be told that the session ended: %s", error)
